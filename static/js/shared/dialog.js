// Questions that must be answered first. The native dialog keeps the focus inside and gives it back afterwards.

import { around, byId, element, queryAll } from "./dom.js";
import { gettext } from "./i18n.js";

/**
 * Ask before something that cannot be taken back. Resolves to true or false.
 * @param {{title: string, text?: string, confirm: string, cancel?: string, danger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirmDialog({ title, text = "", confirm, cancel = gettext("Cancel"), danger = false }) {
  return new Promise((resolve) => {
    const heading = element("h2", { id: "dialog-title" }, title);
    const yes = element(
      "button",
      { type: "submit", value: "yes", class: `btn btn--${danger ? "danger" : "primary"}` },
      confirm,
    );
    const no = element("button", { type: "submit", value: "no", class: "btn btn--quiet", autofocus: danger }, cancel);
    const form = element("form", { method: "dialog" }, heading, text ? element("p", {}, text) : null);
    form.append(element("div", { class: "actions" }, yes, no));
    const dialog = element("dialog", { class: "dialog", "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Buttons with data-opens="id" open that <dialog>; buttons with data-closes close the one around them; a press on the
 * ground around a dialog closes it.
 */
export function wireDialogs() {
  for (const opener of queryAll(document, "[data-opens]")) {
    opener.addEventListener("click", () => byId(opener.dataset.opens ?? "", HTMLDialogElement).showModal());
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || around(event, "[data-closes]")) {
        dialog.close();
      }
    });
  }
}

/** Forms with data-confirm="question" (and data-confirm-button="word") ask before they are sent. */
export function wireConfirmations() {
  for (const form of queryAll(document, "form[data-confirm]", HTMLFormElement)) {
    let sure = false;
    form.addEventListener("submit", async (event) => {
      if (sure) {
        return;
      }
      event.preventDefault();
      const { submitter } = event;
      const confirm = form.dataset.confirmButton || submitter?.textContent?.trim() || gettext("Yes");
      sure = await confirmDialog({ title: form.dataset.confirm ?? "", confirm, danger: "danger" in form.dataset });
      if (sure) {
        form.requestSubmit(submitter);
        sure = false;
      }
    });
  }
}
