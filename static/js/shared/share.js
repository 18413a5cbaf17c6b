// Take something away from the page: copy a link, save a file made here.

import { gettext } from "./i18n.js";
import { toast } from "./toast.js";

/** Copy text and say so; where the browser refuses, show the text so that it can be copied by hand. */
export async function copyText(text, done = gettext("Copied")) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    toast(text, { lasts: 20000 });
  }
}

/** Buttons with data-copy="text" (or data-copy="" for this page's address). */
export function wireCopy(root = document) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () =>
      copyText(button.dataset.copy || window.location.href, gettext("The link is copied")),
    );
  }
}

/** Save data made in the browser under a file name. */
export function saveFile(name, data, type = "text/plain") {
  const url = URL.createObjectURL(data instanceof Blob ? data : new Blob([data], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
