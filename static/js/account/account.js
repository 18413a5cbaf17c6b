// On the pages of an account: passwords can be shown, and in demo mode an account fills itself in.

import { byId, element, query, queryAll } from "../shared/dom.js";
import { gettext } from "../shared/i18n.js";

function wirePasswords() {
  for (const input of queryAll(document, 'input[type="password"]', HTMLInputElement)) {
    const button = element(
      "button",
      { type: "button", class: "link", "aria-controls": input.id, "aria-pressed": "false" },
      gettext("Show"),
    );
    button.setAttribute("aria-label", gettext("Show the password"));
    button.addEventListener("click", () => {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      button.textContent = shown ? gettext("Show") : gettext("Hide");
      button.setAttribute("aria-pressed", String(!shown));
    });
    const holder = element("div", { class: "password" });
    input.replaceWith(holder);
    holder.append(input, button);
  }
}

function wireDemoAccounts() {
  for (const button of queryAll(document, "[data-fill-login]")) {
    button.addEventListener("click", () => {
      const form = byId("login-form");
      query(form, "[name=login]", HTMLInputElement).value = button.dataset.fillLogin ?? "";
      query(form, "[name=password]", HTMLInputElement).value = button.dataset.fillPassword ?? "";
      query(form, '[type="submit"]').focus();
    });
  }
}

wirePasswords();
wireDemoAccounts();
