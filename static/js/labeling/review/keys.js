// Keys of the review pages: one switch for all of them, and letters that mean the same on every layout.

import { around } from "../../shared/dom.js";

const KEYS_OFF = "amber.review.keys-off";

/**
 * The Latin letter or the sign of a key; with a Cyrillic layout the letter that stands in its place on the keyboard.
 * @param {KeyboardEvent} event
 */
export function keyOf(event) {
  if (event.code.startsWith("Digit") || event.code.startsWith("Numpad")) {
    return /\d$/.test(event.code) ? event.code.slice(-1) : event.key;
  }
  return /^[\u0400-\u04ff]$/.test(event.key) ? event.code.replace("Key", "").toLowerCase() : event.key.toLowerCase();
}

/**
 * Wire the switch and the keys. pressed(key, event) returns what the key does, or null where it means nothing here;
 * repeats: keys that go on while they are held.
 * @param {HTMLInputElement} box
 * @param {Pressed} pressed
 * @param {string[]} repeats
 */
export function wireKeys(box, pressed, repeats = []) {
  box.checked = localStorage.getItem(KEYS_OFF) === null;
  box.addEventListener("change", () => {
    if (box.checked) {
      localStorage.removeItem(KEYS_OFF);
    } else {
      localStorage.setItem(KEYS_OFF, "1");
    }
  });
  document.addEventListener("keydown", (event) => {
    const writing = around(event, "textarea, select, input:not([type=checkbox]), dialog, .site-header");
    if (!box.checked || event.ctrlKey || event.altKey || event.metaKey || writing) {
      return;
    }
    const key = keyOf(event);
    const act = pressed(key, event);
    if (act) {
      event.preventDefault();
      if (!event.repeat || repeats.includes(key)) {
        act();
      }
    }
  });
}
