// On the pages of an account: passwords can be shown, and in demo mode an account fills itself in.

import { element } from "../shared/dom.js";
import { gettext } from "../shared/i18n.js";

function wirePasswords() {
  for (const input of document.querySelectorAll('input[type="password"]')) {
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
  const form = document.getElementById("login-form");
  for (const button of document.querySelectorAll("[data-fill-login]")) {
    button.addEventListener("click", () => {
      form.elements.login.value = button.dataset.fillLogin;
      form.elements.password.value = button.dataset.fillPassword;
      form.querySelector('[type="submit"]').focus();
    });
  }
}

wirePasswords();
wireDemoAccounts();
