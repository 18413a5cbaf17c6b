// Take something away from the page: copy a link.

import { queryAll } from "./dom.js";
import { gettext, interpolate } from "./i18n.js";
import { toast } from "./toast.js";

/**
 * Copy text and say so; where the browser refuses, show the text so that it can be copied by hand.
 * @param {string} text
 * @param {string} done
 */
export async function copyText(text, done = gettext("Copied")) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    toast(interpolate(gettext("Copy this by hand: %(text)s"), { text }), { lasts: 20000 });
  }
}

/** Buttons with data-copy="text" (or data-copy="" for this page's address). */
export function wireCopy() {
  for (const button of queryAll(document, "[data-copy]")) {
    button.addEventListener("click", () =>
      copyText(button.dataset.copy || window.location.href, gettext("The link is copied")),
    );
  }
}
