// The end of the list: U takes the last verdict back here too.

import { around } from "../../shared/dom.js";
import { keyOf } from "./keys.js";

document.addEventListener("keydown", (event) => {
  const button = document.querySelector("[data-back]");
  const held = event.ctrlKey || event.altKey || event.metaKey || around(event, "input, textarea, select");
  if (button instanceof HTMLButtonElement && !held && keyOf(event) === "u") {
    event.preventDefault();
    button.click();
  }
});
