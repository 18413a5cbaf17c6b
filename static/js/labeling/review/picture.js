// The picture of one detection: zoom with wheel, pinch or buttons, drag to move, hide the outline to see the ground.
// Everything is done by the SVG's viewBox, so the outline stays a line of the same width at any zoom.

import { query, queryAll } from "../../shared/dom.js";

const CLOSEST = 8; // times the whole picture
const STEP = 1.5;
const AROUND = 0.6; // how small the tile becomes so that its neighbours can be seen

/**
 * Wire a .review-picture. Returns {zoomIn, zoomOut, whole, bare(hidden), toggle, around, nextDate}.
 * @param {HTMLElement} figure
 */
export function wirePicture(figure) {
  const svg = query(figure, "svg.review-picture__ground", SVGSVGElement);
  const { width, height } = svg.viewBox.baseVal;
  const view = { x: 0, y: 0, scale: 1, least: 1 };
  /** @type {Map<number, Point>} */
  const pointers = new Map();

  const apply = () => {
    const w = width / view.scale;
    const h = height / view.scale;
    // With its neighbours around it the tile may lie inside the window.
    const slack = view.least < 1 ? Math.max(w - width, width) : 0;
    view.x = Math.min(Math.max(view.x, -slack), width - w + slack);
    view.y = Math.min(Math.max(view.y, -slack), height - h + slack);
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${w} ${h}`);
    svg.toggleAttribute("data-zoomed", view.scale > 1 || view.least < 1);
  };

  const toGround = (/** @type {number} */ clientX, /** @type {number} */ clientY) =>
    new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM()?.inverse());

  /** Zoom so that the ground under the given point of the window stays there. */
  const zoomAt = (/** @type {number} */ factor, /** @type {number} */ clientX, /** @type {number} */ clientY) => {
    const scale = Math.min(Math.max(view.scale * factor, view.least), CLOSEST);
    const fixed = toGround(clientX, clientY);
    const shrink = view.scale / scale;
    view.x = fixed.x - (fixed.x - view.x) * shrink;
    view.y = fixed.y - (fixed.y - view.y) * shrink;
    view.scale = scale;
    apply();
  };

  const zoom = (/** @type {number} */ factor) => {
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
    if (pointers.size > 1 || ((view.scale > 1 || view.least < 1) && !figure.hasAttribute("data-correcting"))) {
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
      const apart = (/** @type {Point} */ point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      zoomAt(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if ((view.scale > 1 || view.least < 1) && !figure.hasAttribute("data-correcting")) {
      const from = toGround(before.x, before.y);
      const to = toGround(now.x, now.y);
      view.x -= to.x - from.x;
      view.y -= to.y - from.y;
      apply();
    }
    pointers.set(event.pointerId, now);
  });

  for (const name of /** @type {const} */ (["pointerup", "pointercancel", "pointerleave"])) {
    svg.addEventListener(name, (event) => pointers.delete(event.pointerId));
  }

  const eye = query(figure, "[data-outline]");
  const bare = (/** @type {boolean} */ hidden) => {
    figure.toggleAttribute("data-bare", hidden);
    eye.setAttribute("aria-pressed", String(!hidden));
  };
  const toggle = () => bare(!figure.hasAttribute("data-bare"));
  const zoomIn = () => zoom(STEP);
  const zoomOut = () => zoom(1 / STEP);
  const whole = () => {
    const { least } = view;
    Object.assign(view, {
      scale: least,
      x: (width - width / least) / 2,
      y: (height - height / least) / 2,
    });
    apply();
  };

  // The pictures around are fetched when they are asked for.
  const neighbours = figure.querySelector("[data-neighbours]");
  const around = () => {
    if (!neighbours) {
      return;
    }
    const shown = view.least === 1;
    view.least = shown ? AROUND : 1;
    const group = query(svg, "[data-around]", SVGElement);
    for (const image of queryAll(group, "image[data-href]", SVGElement)) {
      image.setAttribute("href", image.dataset.href ?? "");
      delete image.dataset.href;
    }
    group.toggleAttribute("hidden", !shown);
    neighbours.setAttribute("aria-pressed", String(shown));
    whole();
  };
  neighbours?.addEventListener("click", around);

  // The same ground on another date in the place of the picture; once more brings the tile's own back.
  const picture = svg.querySelector("[data-picture]");
  const own = ["href", "x", "y", "width", "height"].map((name) => ({
    name,
    value: picture?.getAttribute(name) ?? null,
  }));
  const dates = picture && figure.parentElement ? queryAll(figure.parentElement, "[data-date]", HTMLAnchorElement) : [];
  const showDate = (/** @type {HTMLAnchorElement | null} */ link) => {
    if (!picture) {
      return;
    }
    const again = !link || link.getAttribute("aria-pressed") === "true";
    for (const other of dates) {
      other.setAttribute("aria-pressed", String(!again && other === link));
    }
    if (again || !link) {
      picture.removeAttribute("preserveAspectRatio");
      for (const { name, value } of own) {
        if (value === null) {
          picture.removeAttribute(name);
        } else {
          picture.setAttribute(name, value);
        }
      }
      return;
    }
    const [x, y, w, h] = (link.dataset.box ?? "").split(" ");
    picture.setAttribute("preserveAspectRatio", "none");
    for (const [name, value] of Object.entries({ href: link.href, x, y, width: w, height: h })) {
      picture.setAttribute(name, value);
    }
  };
  for (const link of dates) {
    link.setAttribute("role", "button");
    link.setAttribute("aria-pressed", "false");
    link.addEventListener("click", (event) => {
      event.preventDefault();
      showDate(link);
    });
  }
  const nextDate = () => {
    if (!dates.length) {
      return;
    }
    const at = dates.findIndex((link) => link.getAttribute("aria-pressed") === "true");
    showDate(dates[at + 1] ?? null);
  };
  eye.addEventListener("click", toggle);
  query(figure, '[data-zoom="in"]').addEventListener("click", zoomIn);
  query(figure, '[data-zoom="out"]').addEventListener("click", zoomOut);
  return { zoomIn, zoomOut, whole, bare, toggle, around, nextDate };
}
