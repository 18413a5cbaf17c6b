// One way to start a map. No tiles from anybody else's server: a plain ground with a net of degrees, over which a page
// lays its own layers. Keyboard: arrows move, + and − zoom, Tab goes on to the controls and the layers.

import { calm } from "./dom.js";
import { graticule } from "./graticule.js";
import { gettext } from "./i18n.js";
import { L } from "./leaflet.js";

export { L };

const POLISSIA = [51.3, 27.2];

/**
 * createMap(element, options) -> L.Map
 *   label        what the map shows, for screen readers
 *   bounds       [[south, west], [north, east]] to begin with; or center + zoom
 *   padding      {topLeft: [x, y], bottomRight: [x, y]} kept free when fitting bounds (a panel lies there)
 *   attribution  text shown in the corner (no HTML)
 *   grid         false leaves the net of degrees out
 *   zoomPosition, scalePosition   corners of the controls
 * Everything else goes to Leaflet as it is.
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
    center = POLISSIA,
    zoom = 9,
    ...rest
  } = options;
  const still = calm();
  const map = L.map(element, {
    zoomControl: false,
    attributionControl: false,
    preferCanvas: true,
    minZoom: 3,
    maxZoom: 20,
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
  L.control.scale({ position: scalePosition, imperial: false }).addTo(map);
  L.control
    .zoom({ position: zoomPosition, zoomInTitle: gettext("Zoom in"), zoomOutTitle: gettext("Zoom out") })
    .addTo(map);
  if (bounds) {
    fitMap(map, bounds, padding);
  } else {
    map.setView(center, zoom);
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

/** Show bounds, keeping clear of what lies over the map. */
export function fitMap(map, bounds, padding = {}) {
  map.fitBounds(bounds, {
    paddingTopLeft: padding.topLeft || [24, 24],
    paddingBottomRight: padding.bottomRight || [24, 24],
    animate: !calm(),
  });
}

/** The colours of the page's theme for what is drawn on a canvas: colour("--mining"). */
export function colour(name, element = document.documentElement) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

export function escapeHtml(text) {
  const holder = document.createElement("span");
  holder.textContent = text;
  return holder.innerHTML;
}
