// The picture of one detection: zoom with wheel, pinch or buttons, drag to move, hide the outline to see the ground.
// Everything is done by the SVG's viewBox, so the outline stays a line of the same width at any zoom.

const CLOSEST = 8; // times the whole picture
const STEP = 1.5;

/** Wire a .review-picture. Returns {zoomIn, zoomOut, whole, bare(hidden), toggle}. */
export function wirePicture(figure) {
  const svg = figure.querySelector("svg.review-picture__ground");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const view = { x: 0, y: 0, scale: 1 };
  const pointers = new Map();

  const apply = () => {
    const w = width / view.scale;
    const h = height / view.scale;
    view.x = Math.min(Math.max(view.x, 0), width - w);
    view.y = Math.min(Math.max(view.y, 0), height - h);
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${w} ${h}`);
    svg.toggleAttribute("data-zoomed", view.scale > 1);
  };

  const toGround = (clientX, clientY) => new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());

  /** Zoom so that the ground under the given point of the window stays there. */
  const zoomAt = (factor, clientX, clientY) => {
    const scale = Math.min(Math.max(view.scale * factor, 1), CLOSEST);
    const fixed = toGround(clientX, clientY);
    const shrink = view.scale / scale;
    view.x = fixed.x - (fixed.x - view.x) * shrink;
    view.y = fixed.y - (fixed.y - view.y) * shrink;
    view.scale = scale;
    apply();
  };

  const zoom = (factor) => {
    const box = svg.getBoundingClientRect();
    zoomAt(factor, box.x + box.width / 2, box.y + box.height / 2);
  };

  svg.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoomAt(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX, event.clientY);
    },
    { passive: false },
  );

  svg.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (view.scale > 1 || pointers.size > 1) {
      svg.setPointerCapture(event.pointerId);
    }
  });

  svg.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) {
      return;
    }
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      zoomAt(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if (view.scale > 1) {
      const from = toGround(before.x, before.y);
      const to = toGround(now.x, now.y);
      view.x -= to.x - from.x;
      view.y -= to.y - from.y;
      apply();
    }
    pointers.set(event.pointerId, now);
  });

  for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
    svg.addEventListener(name, (event) => pointers.delete(event.pointerId));
  }

  const eye = figure.querySelector("[data-outline]");
  const bare = (hidden) => {
    figure.toggleAttribute("data-bare", hidden);
    eye.setAttribute("aria-pressed", String(!hidden));
  };
  const toggle = () => bare(!figure.hasAttribute("data-bare"));
  const zoomIn = () => zoom(STEP);
  const zoomOut = () => zoom(1 / STEP);
  const whole = () => {
    Object.assign(view, { x: 0, y: 0, scale: 1 });
    apply();
  };
  eye.addEventListener("click", toggle);
  figure.querySelector('[data-zoom="in"]').addEventListener("click", zoomIn);
  figure.querySelector('[data-zoom="out"]').addEventListener("click", zoomOut);
  return { zoomIn, zoomOut, whole, bare, toggle };
}
