// Short messages at the foot of the window, read aloud by screen readers. Errors stay until they are closed.

import { element, query } from "./dom.js";
import { gettext } from "./i18n.js";

const LASTS_MS = 6000;

function regions() {
  let host = document.getElementById("toasts");
  if (!host) {
    host = element("div", { id: "toasts", class: "toasts" });
    host.append(
      element("div", { role: "status", "aria-live": "polite", "data-kind": "status" }),
      element("div", { role: "alert", "data-kind": "alert" }),
    );
    document.body.append(host);
  }
  return host;
}

/**
 * toast("Saved"), toast("Vote taken back", {action: {label: "Redo", run}}), toast(message, {kind: "error"}).
 * An action with an href is a link, opened beside this page. What lasts for Infinity stays until it is closed, whatever
 * is said after it. Returns a function that closes it.
 * @param {string} message
 * @param {{kind?: string, action?: ToastAction | null, lasts?: number}} options
 */
export function toast(message, { kind = "info", action = null, lasts = LASTS_MS } = {}) {
  const region = query(regions(), kind === "error" ? '[data-kind="alert"]' : '[data-kind="status"]');
  const shown = element("div", { class: `toast toast--${kind}` }, element("span", { class: "toast__text" }, message));
  const close = () => shown.remove();
  if (action?.href) {
    const beside = { class: "toast__action", href: action.href, target: "_blank", rel: "noopener noreferrer" };
    shown.append(element("a", beside, action.label));
  } else if (action) {
    const run = () => {
      close();
      action.run?.();
    };
    shown.append(element("button", { type: "button", class: "toast__action", onclick: run }, action.label));
  }
  shown.append(
    element("button", { type: "button", class: "toast__close", "aria-label": gettext("Close"), onclick: close }, "×"),
  );
  const stays = lasts === Infinity;
  shown.toggleAttribute("data-stays", stays);
  for (const before of region.querySelectorAll(".toast:not([data-stays])")) {
    before.remove();
  }
  region.append(shown);
  if (kind !== "error" && !stays) {
    let timer = setTimeout(close, lasts);
    const hold = () => clearTimeout(timer);
    const release = () => {
      clearTimeout(timer);
      timer = setTimeout(close, lasts);
    };
    shown.addEventListener("pointerenter", hold);
    shown.addEventListener("focusin", hold);
    shown.addEventListener("pointerleave", release);
    shown.addEventListener("focusout", release);
  }
  return close;
}

/** Show what went wrong: an ApiError's own sentence, or a plain one for a fault of ours. @param {any} error */
export function toastError(error) {
  const known = error && error.name === "ApiError";
  if (!known) {
    console.error(error);
  }
  return toast(known ? error.message : gettext("Something went wrong on this page. Reload it and try again."), {
    kind: "error",
  });
}
