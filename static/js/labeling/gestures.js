// Painting with mouse, pen and finger. One finger paints; a second one turns it into a pinch and takes the stroke
// back; the middle mouse button moves the picture. What a stroke does is the caller's business.

const FINGER_SLACK = 7; // pixels a finger may tremble before a tap becomes a stroke
const SAMPLE = 5; // pixels between look-ups along a quick stroke

/**
 * paints(map, {mayPaint, begin, reach, end, abort})
 *   mayPaint()        whether the brush is in the hand
 *   begin({erase})    a stroke starts
 *   reach(latlng)     it passes over this point
 *   end(), abort()    it is done; it was no stroke after all
 */
export function paints(map, { mayPaint, begin, reach, end, abort }) {
  const element = map.getContainer();
  const fingers = new Set();
  let stroke = null; // {pointer, x, y}
  let waiting = null; // a finger that has not moved yet
  let moving = null; // the middle button's hand
  let pinched = false;

  const look = (x, y) => reach(map.containerPointToLatLng(inside(x, y)));
  const inside = (x, y) => {
    const box = element.getBoundingClientRect();
    return [x - box.left, y - box.top];
  };
  const start = ({ pointerId, clientX, clientY, shiftKey }) => {
    stroke = { pointer: pointerId, x: clientX, y: clientY };
    begin({ erase: shiftKey });
    look(clientX, clientY);
  };
  const draw = (x, y) => {
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
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".leaflet-control")) {
      return;
    }
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
      start(event);
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
      start(waiting);
      waiting = null;
    }
    if (stroke && event.pointerId === stroke.pointer) {
      const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const point of passed.length ? passed : [event]) {
        draw(point.clientX, point.clientY);
      }
    }
  });

  const lift = (event) => {
    fingers.delete(event.pointerId);
    if (waiting && event.pointerId === waiting.pointerId) {
      start(waiting);
      waiting = null;
    }
    if (stroke && event.pointerId === stroke.pointer) {
      stroke = null;
      end();
    }
    if (moving && event.pointerId === moving.pointer) {
      moving = null;
    }
    pinched = pinched && fingers.size > 0;
  };
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
