// Painting with mouse, pen and finger. One finger paints; a second one turns it into a pinch and takes the stroke
// back; the middle mouse button moves the picture. What a stroke does is the caller's business.

import { around } from "../../shared/dom.js";

const FINGER_SLACK = 7; // pixels a finger may tremble before a tap becomes a stroke
const SAMPLE = 5; // pixels between look-ups along a quick stroke

/**
 * paints(map, {mayPaint, begin, reach, drawn, end, abort, hover})
 *   mayPaint()        whether the brush is in the hand
 *   begin({erase})    a stroke starts
 *   reach(x, y)       it passes over this pixel of the image
 *   drawn(event)      all that this event reached has been told
 *   end(), abort()    it is done; it was no stroke after all
 *   hover(x, y)       the pointer is over this place of the element, in CSS pixels; hover() when it is nowhere
 * @param {L.Map} map
 * @param {Strokes} strokes
 */
export function paints(map, { mayPaint, begin, reach, drawn, end, abort, hover }) {
  const element = map.getContainer();
  /** @type {Set<number>} */
  const fingers = new Set();
  /** @type {DOMRect} */
  let box; // where the element lies on the page; asked once a stroke, for asking may cost a layout
  /** @type {HeldPointer | null} */
  let stroke = null; // {pointer, x, y}
  /** @type {PointerEvent | null} */
  let waiting = null; // a finger that has not moved yet
  /** @type {HeldPointer | null} */
  let moving = null; // the middle button's hand
  let pinched = false;

  const look = (/** @type {number} */ x, /** @type {number} */ y) => {
    const { lat, lng } = map.containerPointToLatLng([x - box.left, y - box.top]);
    reach(lng, -lat);
  };
  const show = (/** @type {PointerEvent} */ { clientX, clientY }) => hover(clientX - box.left, clientY - box.top);
  const start = (/** @type {PointerEvent} */ event, /** @type {PointerEvent} */ cause) => {
    stroke = { pointer: event.pointerId, x: event.clientX, y: event.clientY };
    begin({ erase: event.shiftKey });
    look(event.clientX, event.clientY);
    show(event);
    drawn(cause);
  };
  const draw = (/** @type {HeldPointer} */ stroke, /** @type {number} */ x, /** @type {number} */ y) => {
    const steps = Math.max(1, Math.ceil(Math.hypot(x - stroke.x, y - stroke.y) / SAMPLE));
    for (let step = 1; step <= steps; step += 1) {
      look(stroke.x + ((x - stroke.x) * step) / steps, stroke.y + ((y - stroke.y) * step) / steps);
    }
    stroke.x = x;
    stroke.y = y;
  };
  const drop = () => {
    if (stroke) {
      abort();
    }
    stroke = null;
    waiting = null;
    hover();
  };

  element.addEventListener("pointerenter", () => {
    box = element.getBoundingClientRect();
  });

  element.addEventListener("pointerdown", (event) => {
    if (around(event, ".leaflet-control, button, [role=slider]")) {
      return;
    }
    box = element.getBoundingClientRect();
    if (event.pointerType === "touch") {
      fingers.add(event.pointerId);
      if (fingers.size > 1) {
        pinched = true;
        drop();
      } else if (mayPaint() && !pinched) {
        waiting = event;
      }
      return;
    }
    if (event.button === 1) {
      event.preventDefault();
      moving = { pointer: event.pointerId, x: event.clientX, y: event.clientY };
      element.setPointerCapture(event.pointerId);
    } else if (event.button === 0 && mayPaint()) {
      element.setPointerCapture(event.pointerId);
      start(event, event);
    }
  });

  element.addEventListener("pointermove", (event) => {
    if (moving && event.pointerId === moving.pointer) {
      map.panBy([moving.x - event.clientX, moving.y - event.clientY], { animate: false });
      moving.x = event.clientX;
      moving.y = event.clientY;
      return;
    }
    if (waiting && event.pointerId === waiting.pointerId) {
      if (Math.hypot(event.clientX - waiting.clientX, event.clientY - waiting.clientY) < FINGER_SLACK) {
        return;
      }
      start(waiting, event);
      waiting = null;
    }
    if (stroke && event.pointerId === stroke.pointer) {
      const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const point of passed.length ? passed : [event]) {
        draw(stroke, point.clientX, point.clientY);
      }
      show(event);
      drawn(event);
    } else if (event.pointerType !== "touch" && box) {
      show(event);
    }
  });

  const lift = (/** @type {PointerEvent} */ event) => {
    fingers.delete(event.pointerId);
    if (waiting && event.pointerId === waiting.pointerId) {
      start(waiting, event);
      waiting = null;
    }
    if (stroke && event.pointerId === stroke.pointer) {
      stroke = null;
      end();
    }
    if (moving && event.pointerId === moving.pointer) {
      moving = null;
    }
    if (event.pointerType === "touch") {
      hover();
    }
    pinched = pinched && fingers.size > 0;
  };
  element.addEventListener("pointerleave", () => !stroke && hover());
  // Listened to on the window: a finger may leave the picture before it lifts.
  window.addEventListener("pointerup", lift);
  window.addEventListener("pointercancel", (event) => {
    drop();
    lift(event);
  });
  window.addEventListener("blur", () => {
    fingers.clear();
    pinched = false;
    drop();
  });
}
