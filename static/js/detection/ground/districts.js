// The districts and place names of a region on one small map, as the public will see them.

import { pageData, queryAll } from "../../shared/dom.js";
import { gettext } from "../../shared/i18n.js";
import { L, colour, createMap, escapeHtml, fitMap, latLngs } from "../../shared/map.js";

const [container] = queryAll(document, "#named-map"); // there where there is something to show
const ground = pageData("named-ground");

/** @param {{type: "Polygon", coordinates: Ring[]} | {type: "MultiPolygon", coordinates: Ring[][]}} geometry */
function polygonsOf(geometry) {
  return geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
}

function start() {
  container.hidden = false;
  const map = createMap(container, {
    label: gettext("Districts and place names. The lists say the same in words."),
    minZoom: 2,
  });
  const shown = L.featureGroup().addTo(map);
  if (ground.region) {
    const outline = polygonsOf(ground.region).map((polygon) => polygon.map(latLngs));
    L.polygon(outline, {
      color: colour("--text-2"),
      weight: 1,
      dashArray: "4 4",
      fill: false,
      interactive: false,
    }).addTo(map);
  }
  for (const { name, coordinates } of ground.districts) {
    L.polygon(
      /** @type {Ring[][]} */ (coordinates).map((polygon) => polygon.map(latLngs)),
      {
        color: colour("--text"),
        weight: 1.5,
        fillColor: colour("--info"),
        fillOpacity: 0.06,
      },
    )
      .bindTooltip(escapeHtml(name), { sticky: true })
      .addTo(shown);
  }
  for (const [name, latitude, longitude] of ground.names) {
    L.circleMarker([latitude, longitude], {
      radius: 4,
      color: colour("--surface"),
      weight: 1,
      fillColor: colour("--text"),
      fillOpacity: 1,
    })
      .bindTooltip(escapeHtml(name))
      .addTo(shown);
  }
  if (shown.getLayers().length) {
    fitMap(map, shown.getBounds());
  }
}

if (container) {
  start();
}
