// What mouse and fingers do in the gallery: a click ticks, Shift and a click ticks a range, a finger held down as well,
// a double click opens the detection alone.

import { around } from "../../shared/dom.js";

const HELD_MS = 450; // a press of a finger that means: everything up to here
const STILL_PX = 6;

/**
 * Tells onTick(number, wanted, ranged), onFocus(number), onHold(number) and onOpen(number) of the cells in `host`; a link
 * that leads to a detection is told by onLeave(number) before it is followed.
 * @param {HTMLElement} host
 * @param {Hands} hands
 */
export function wireHands(host, { onTick, onFocus, onHold, onOpen, onLeave }) {
  let shifted = false;
  let held = 0;
  let swallow = false;
  const numberOf = (/** @type {Event} */ event) => Number(around(event, ".shot")?.dataset.detection) || 0;
  host.addEventListener(
    "click",
    (event) => {
      shifted = event.shiftKey;
      if (swallow) {
        swallow = false;
        event.preventDefault();
        event.stopPropagation();
      }
    },
    true,
  );
  // The box of a label is clicked by the browser itself, after the click on the label that told of Shift.
  host.addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement) {
      onTick(numberOf(event), event.target.checked, shifted);
    }
  });
  host.addEventListener("focusin", (event) => {
    const number = numberOf(event);
    if (number) {
      onFocus(number);
    }
  });
  host.addEventListener("dblclick", (event) => {
    const number = numberOf(event);
    if (number) {
      onOpen(number);
    }
  });
  host.addEventListener("click", (event) => {
    if (around(event, ".shot__open")) {
      onLeave(numberOf(event));
    }
  });
  host.addEventListener("pointerdown", (event) => {
    const number = numberOf(event);
    swallow = false;
    if (event.pointerType === "mouse" || !number || around(event, "a")) {
      return;
    }
    held = setTimeout(() => {
      swallow = true;
      onHold(number);
    }, HELD_MS);
  });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel", "pointermove"])) {
    host.addEventListener(name, (event) => {
      if (name !== "pointermove" || Math.hypot(event.movementX, event.movementY) > STILL_PX) {
        clearTimeout(held);
      }
    });
  }
  host.addEventListener("contextmenu", (event) => {
    if (swallow) {
      event.preventDefault();
    }
  });
}
