// The note that goes with the next decision of the gallery: folded, so that who decides by keys never meets it.

import { query } from "../../shared/dom.js";
import { gettext } from "../../shared/i18n.js";

/**
 * bar: the bar with the decisions; leave() puts the keyboard back on the pictures.
 * take() gives the note and clears it: it is sent once. giveBack(text) is for a decision that was not written.
 * @param {HTMLElement} bar
 * @param {() => void} leave
 */
export function wireNote(bar, leave) {
  const button = query(bar, "[data-note]");
  const label = query(button, "[data-note-label]");
  const field = query(bar, "[name=note]", HTMLTextAreaElement);
  const plain = label.textContent;

  const isOpen = () => bar.hasAttribute("data-noting");

  const show = () => {
    const written = field.value.trim() !== "";
    bar.toggleAttribute("data-noted", written);
    label.textContent = written ? gettext("Note written") : plain;
  };

  const open = (/** @type {boolean} */ wanted) => {
    if (wanted === isOpen()) {
      return;
    }
    bar.toggleAttribute("data-noting", wanted);
    button.setAttribute("aria-expanded", String(wanted));
    if (wanted) {
      field.focus({ preventScroll: true });
    }
  };

  field.addEventListener("input", show);
  // In the field the keys write; Escape, and Enter with Ctrl, go back to the pictures with what is written.
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      event.stopPropagation();
      open(false);
      leave();
    }
  });
  button.addEventListener("click", () => open(!isOpen()));
  show(); // a browser may have kept what was typed before the page was loaded anew

  return {
    open,
    take() {
      const text = field.value.trim();
      field.value = "";
      open(false);
      show();
      return text;
    },
    /** @param {string} text */
    giveBack(text) {
      if (text && !field.value.trim()) {
        field.value = text;
        show();
      }
    },
  };
}
