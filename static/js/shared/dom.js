// Small help with elements: build them, read the page's data.

/**
 * element("button", {class: "btn", type: "button", onclick: go}, "Save", icon)
 * Attributes whose value is null, undefined or false are left out; functions become listeners; text is never HTML.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} attributes
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (typeof value === "function") {
      made.addEventListener(name.replace(/^on/, ""), value);
    } else {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/**
 * What a page is known to have: an Error names what is missing or of another kind.
 * @template {Element} T
 * @param {Element | null} found
 * @param {string} name
 * @param {new () => T} kind
 * @returns {T}
 */
function known(found, name, kind) {
  if (!(found instanceof kind)) {
    throw new Error(`This page has no ${kind.name} ${name}.`);
  }
  return found;
}

/** @type {ById} */
export const byId = (/** @type {string} */ id, kind = HTMLElement) =>
  /** @type {any} */ (known(document.getElementById(id), `#${id}`, kind));

/** @type {QueryOne} */
export const query = (/** @type {ParentNode} */ root, /** @type {string} */ selector, kind = HTMLElement) =>
  /** @type {any} */ (known(root.querySelector(selector), selector, kind));

/** Those of this kind; all kinds of HTML unless one is named. @type {QueryAll} */
export const queryAll = (/** @type {ParentNode} */ root, /** @type {string} */ selector, kind = HTMLElement) =>
  /** @type {any} */ ([...root.querySelectorAll(selector)].filter((found) => found instanceof kind));

/**
 * The element that an event came from, or the one around it that matches.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function around(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * A canvas of so many CSS pixels, as fine as the screen up to twice as many, and what draws on it in CSS pixels.
 * @param {number} width
 * @param {number} height
 */
export function fineCanvas(width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const canvas = document.createElement("canvas");
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = penOf(canvas);
  pen.scale(ratio, ratio);
  return { canvas, pen };
}

/**
 * The drawing side of a canvas; a browser of today always gives one.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function penOf(canvas, settings) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", settings));
}

/**
 * What the template gave as `{{ value|json_script:"id" }}`; null when the page has no such element.
 * @param {string} id
 * @returns {any}
 */
export function pageData(id) {
  const found = document.getElementById(id);
  return found ? JSON.parse(found.textContent ?? "null") : null;
}

/**
 * What {% leaflet_map "id" %} wrote of LEAFLET_CONFIG for the map in this element.
 * @param {string} id
 * @returns {MapSettings}
 */
export function mapSettings(id) {
  return JSON.parse(pageData(`leaflet-${id}`) ?? "{}");
}

/** True when the reader asked for less motion. */
export function calm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
