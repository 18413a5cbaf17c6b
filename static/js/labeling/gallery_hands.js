// What mouse and fingers do in the gallery: a click ticks, Shift and a click ticks a range, a finger held down as well,
// a double click opens the detection alone.

const HELD_MS = 450; // a press of a finger that means: everything up to here
const STILL_PX = 6;

/** Tells onTick(number, wanted, ranged), onFocus(number) and onHold(number) of the cells in `host`. */
export function wireHands(host, { onTick, onFocus, onHold }) {
  let shifted = false;
  let held = null;
  let swallow = false;
  const numberOf = (event) => Number(event.target.closest(".shot")?.dataset.detection) || null;
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
  host.addEventListener("change", (event) => onTick(numberOf(event), event.target.checked, shifted));
  host.addEventListener("focusin", (event) => {
    const number = numberOf(event);
    if (number) {
      onFocus(number);
    }
  });
  host.addEventListener("dblclick", (event) => {
    const cell = event.target.closest(".shot");
    if (cell) {
      window.location.assign(cell.querySelector(".shot__open").href);
    }
  });
  host.addEventListener("pointerdown", (event) => {
    const number = numberOf(event);
    swallow = false;
    if (event.pointerType === "mouse" || !number || event.target.closest("a")) {
      return;
    }
    held = setTimeout(() => {
      swallow = true;
      onHold(number);
    }, HELD_MS);
  });
  for (const name of ["pointerup", "pointercancel", "pointermove"]) {
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
