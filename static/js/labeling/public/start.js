// What the public map can begin before Leaflet, its largest part, has come: the squares of the first view.

import { byId, mapSettings, pageData } from "../../shared/dom.js";
import { readAddress } from "./address.js";
import { ReleaseData, squaresLevel, toCell } from "../releases/data.js";

const PIXELS = 256; // of the whole world at zoom 0

/** @type {MapPage} */
export const page = pageData("map-data");
export const data = new ReleaseData(page.files);
export const narrow = window.matchMedia("(max-width: 767px)");
const told = readAddress();
const { minzoom: least } = mapSettings("map");

/** What lies over the map, so that places are not fitted below it. @returns {{topLeft: Pair, bottomRight: Pair}} */
export function clearOfPanel() {
  const panel = byId("panel").getBoundingClientRect();
  return narrow.matches
    ? { topLeft: [24, 76], bottomRight: [24, panel.height + 16] }
    : { topLeft: [panel.right + 32, 76], bottomRight: [48, 64] };
}

/**
 * The zoom at which Leaflet will show a box of [west, south, east, north]: the closest whole one that has room.
 * @param {Box} box
 */
function zoomOf([west, south, east, north]) {
  const { topLeft, bottomRight } = clearOfPanel();
  const { clientWidth, clientHeight } = byId("map");
  const first = toCell(north, west, 0);
  const last = toCell(south, east, 0);
  const across = (clientWidth - topLeft[0] - bottomRight[0]) / ((last.x - first.x) * PIXELS);
  const down = (clientHeight - topLeft[1] - bottomRight[1]) / ((last.y - first.y) * PIXELS);
  const closest = Math.floor(Math.round(Math.log2(Math.min(across, down)) * 100) / 100) || 0;
  return Math.max(closest, least ?? 0);
}

if (page.bounds && !page.place && !told.view && !told.place && !told.district) {
  // The layer asks for the same and tells what went wrong; asked for in vain, it costs nothing but the way.
  data.squares(squaresLevel(zoomOf(page.bounds))).catch(() => {});
}
