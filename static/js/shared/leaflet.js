// Leaflet as a module, as django-leaflet carries it: its files make two globals, which are taken back at once.

import "../../leaflet/leaflet.js";
import "../../leaflet/leaflet.extras.js";

/** @type {LeafletModule} */
export const L = window.L?.noConflict();
delete window.leaflet;

/**
 * Every map starts here, the way django-leaflet starts it (event "map:init" on the window included).
 *   settings   what the tag leaflet_map wrote of LEAFLET_CONFIG: center, zoom, minzoom, maxzoom, layers …
 *   options    Leaflet's own
 * @param {HTMLElement} element
 * @param {MapSettings} settings
 * @param {L.MapOptions} options
 */
export function startMap(element, settings, options) {
  window.L = L; // where django-leaflet's script looks for it
  try {
    // An extent would be the map's fence, and LEAFLET_CONFIG always has one.
    return L.Map.djangoMap(element, { ...options, djoptions: { ...settings, extent: null } });
  } finally {
    Reflect.deleteProperty(window, "L");
  }
}
