// One way to start a map. No tiles from anybody else's server: a plain ground with a net of degrees, over which a page
// lays its own layers. Keyboard: arrows move, + and − zoom, Tab goes on to the controls and the layers.

import { calm, mapSettings } from "./dom.js";
import { graticule } from "./graticule.js";
import { gettext, interpolate, number } from "./i18n.js";
import { L, startMap } from "./leaflet.js";

export { L };

/** Leaflet's scale with units in the reader's language. Its hooks are not in the published types. */
const Scale = /** @type {any} */ (L.Control.Scale).extend({
  /** @param {number} most */
  _updateMetric(most) {
    const metres = this._getRoundNum(most);
    const label =
      metres < 1000
        ? interpolate(gettext("%(length)s m"), { length: number(metres) })
        : interpolate(gettext("%(length)s km"), { length: number(metres / 1000) });
    this._updateScale(this._mScale, label, metres / most);
  },
});

/**
 * createMap(element, options) -> L.Map
 * Where it begins, how far it zooms and its tiles are LEAFLET_CONFIG's; {% leaflet_map %} of the page wrote them.
 *   label        what the map shows, for screen readers
 *   bounds       [[south, west], [north, east]] to begin with
 *   padding      {topLeft: [x, y], bottomRight: [x, y]} kept free when fitting bounds (a panel lies there)
 *   attribution  text shown in the corner (no HTML)
 *   grid         false leaves the net of degrees out
 *   zoomPosition, scalePosition   corners of the controls
 * Everything else goes to Leaflet as it is.
 * @param {HTMLElement} element
 * @param {MapWishes & L.MapOptions} options
 */
export function createMap(element, options = {}) {
  const {
    label = gettext("Map"),
    bounds = null,
    padding = {},
    attribution = "",
    grid = true,
    zoomPosition = "bottomright",
    scalePosition = "bottomright",
    ...rest
  } = options;
  const still = calm();
  const settings = mapSettings(element.id);
  // What a page asks for itself goes before the settings.
  settings.center = bounds ? null : (rest.center ?? settings.center);
  settings.zoom = rest.zoom ?? settings.zoom;
  settings.minzoom = rest.minZoom ?? settings.minzoom;
  settings.maxzoom = rest.maxZoom ?? settings.maxzoom;
  const map = startMap(element, settings, {
    zoomControl: false,
    attributionControl: false,
    preferCanvas: true,
    zoomAnimation: !still,
    fadeAnimation: !still,
    markerZoomAnimation: !still,
    inertia: !still,
    ...rest,
  });
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", label);
  // In a lower corner the one added last lies on top: credit, then scale, then the buttons.
  if (attribution) {
    const credit = L.control.attribution({ prefix: false }).addTo(map);
    credit.addAttribution(escapeHtml(attribution));
  }
  new Scale({ position: scalePosition, imperial: false }).addTo(map);
  L.control
    .zoom({ position: zoomPosition, zoomInTitle: gettext("Zoom in"), zoomOutTitle: gettext("Zoom out") })
    .addTo(map);
  if (bounds) {
    fitMap(map, bounds, padding);
  }
  if (grid) {
    graticule().addTo(map);
  }
  // Leaflet gives the map the focus when it is pressed; the ring is for keys.
  element.addEventListener("pointerdown", () => element.classList.add("by-pointer"));
  element.addEventListener("keydown", () => element.classList.remove("by-pointer"));
  // A map in a tab or a sheet changes its size without the window doing so.
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(element);
  return map;
}

/**
 * Show bounds, keeping clear of what lies over the map.
 * @param {L.Map} map
 * @param {L.LatLngBoundsExpression} bounds
 * @param {Padding} padding
 */
export function fitMap(map, bounds, padding = {}) {
  map.fitBounds(bounds, {
    paddingTopLeft: padding.topLeft || [24, 24],
    paddingBottomRight: padding.bottomRight || [24, 24],
    animate: !calm(),
  });
}

/**
 * The colours of the page's theme for what is drawn on a canvas: colour("--mining").
 * @param {string} name
 * @param {Element} element
 */
export function colour(name, element = document.documentElement) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

/** @param {string} text */
export function escapeHtml(text) {
  const holder = document.createElement("span");
  holder.textContent = text;
  return holder.innerHTML;
}

/** A ring of GeoJSON, longitude first, as Leaflet takes it. @type {(ring: Ring) => Pair[]} */
export const latLngs = (ring) => ring.map(([longitude, latitude]) => [latitude, longitude]);

/** The corners of a box [west, south, east, north], as Leaflet takes bounds. @type {(box: Box) => Corners} */
export const cornersOf = ([west, south, east, north]) => [
  [south, west],
  [north, east],
];
