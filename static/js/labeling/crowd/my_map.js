// The map of a volunteer's own tiles: a dot for each from afar, its square from near. The list below says the same.

import { element } from "../../shared/dom.js";
import { gettext } from "../../shared/i18n.js";
import { L, colour, createMap } from "../../shared/map.js";

/** @typedef {[number, number, number, number, number, "mining" | "not_mining" | "unsure"]} OwnTile */

const SQUARES_FROM = 14;
const COLOURS = { mining: "--mining", not_mining: "--not-mining", unsure: "--unsure" };
const WORDS = {
  mining: () => gettext("You saw mining here."),
  not_mining: () => gettext("You saw no mining here."),
  unsure: () => gettext("You were unsure here."),
};

/**
 * Show tiles, [[number, west, south, east, north, verdict], …], in the element; tileUrl carries 0 for the number.
 * @param {HTMLElement} host
 * @param {{tiles: OwnTile[], tileUrl: string}} page
 */
export function showTiles(host, { tiles, tileUrl }) {
  host.hidden = false;
  host.classList.add("map");
  const boxes = tiles.map(([, west, south, east, north]) => L.latLngBounds([south, west], [north, east]));
  const all = boxes.reduce(
    (sum, box) => sum.extend(box),
    L.latLngBounds(boxes[0].getSouthWest(), boxes[0].getNorthEast()),
  );
  const map = createMap(host, {
    label: gettext("Map of the tiles that you labelled. The list below says the same."),
    bounds: all.pad(0.1),
    maxZoom: 17,
    scrollWheelZoom: false,
  });
  const dots = L.layerGroup();
  const squares = L.layerGroup();
  // Mining is drawn last, so that it lies on top.
  const order = ["unsure", "not_mining", "mining"];
  const sorted = tiles
    .map((tile, index) => ({ tile, box: boxes[index] }))
    .sort((one, other) => order.indexOf(one.tile[5]) - order.indexOf(other.tile[5]));
  for (const { tile, box } of sorted) {
    const [number, , , , , verdict] = tile;
    const fill = colour(COLOURS[verdict], host);
    const style = { color: colour("--bg", host), weight: 1.5, fillColor: fill, fillOpacity: 0.9 };
    const popup = () =>
      element(
        "div",
        {},
        element("p", {}, WORDS[verdict]()),
        element("a", { href: tileUrl.replace(/0$/, String(number)) }, gettext("Look at the tile")),
      );
    L.circleMarker(box.getCenter(), { ...style, radius: verdict === "mining" ? 8 : 6 })
      .bindPopup(popup)
      .addTo(dots);
    L.rectangle(box, { ...style, color: fill, weight: 2, fillOpacity: 0.35 })
      .bindPopup(popup)
      .addTo(squares);
  }
  const follow = () => {
    const near = map.getZoom() >= SQUARES_FROM;
    map.removeLayer(near ? dots : squares);
    map.addLayer(near ? squares : dots);
  };
  map.on("zoomend", follow);
  follow();
  return map;
}
