// Small help with elements: build them, read the page's data.

/**
 * element("button", {class: "btn", type: "button", onclick: go}, "Save", icon)
 * Attributes whose value is null, undefined or false are left out; functions become listeners; text is never HTML.
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

/** What the template gave as `{{ value|json_script:"id" }}`; null when the page has no such element. */
export function pageData(id) {
  const found = document.getElementById(id);
  return found ? JSON.parse(found.textContent) : null;
}

/** True when the reader asked for less motion. */
export function calm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
