// The ground of a map without imagery: a net of meridians and parallels with their degrees, drawn on canvas tiles.
// It stands in for a street map, which would have to come from somebody else's server.

import { fineCanvas } from "./dom.js";
import { gettext, interpolate } from "./i18n.js";
import { L } from "./leaflet.js";

const STEPS = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const WISHED_PX = 210; // how far apart the meridians should be on the screen
const LABEL_PX = 180; // room that a label may take to the right of its crossing

/** Degrees between two lines at this zoom (Web Mercator, tiles of 256 px). @param {number} zoom */
export function stepAt(zoom) {
  const pixelsPerDegree = (256 * 2 ** zoom) / 360;
  return STEPS.reduce((best, step) =>
    Math.abs(Math.log((step * pixelsPerDegree) / WISHED_PX)) < Math.abs(Math.log((best * pixelsPerDegree) / WISHED_PX))
      ? step
      : best,
  );
}

/**
 * Multiples of step in [from, to], free of the dust of repeated adding.
 * @param {number} from
 * @param {number} to
 * @param {number} step
 */
function multiples(from, to, step) {
  /** @type {number[]} */
  const found = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-12; k += 1) {
    found.push(Number((k * step).toFixed(6)));
  }
  return found;
}

/** @param {number} latitude @param {number} longitude @param {number} step */
function degrees(latitude, longitude, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  /** @param {number} value */
  const written = (value) => ({ degrees: Math.abs(value).toFixed(digits) });
  const north = interpolate(latitude < 0 ? gettext("%(degrees)s° S") : gettext("%(degrees)s° N"), written(latitude));
  const east = interpolate(longitude < 0 ? gettext("%(degrees)s° W") : gettext("%(degrees)s° E"), written(longitude));
  return `${north}, ${east}`;
}

class GraticuleLayer extends L.GridLayer {
  /** @param {L.Coords} coords */
  createTile(coords) {
    const size = this.getTileSize();
    const { canvas: tile, pen } = fineCanvas(size.x, size.y);
    tile.setAttribute("aria-hidden", "true");
    this.#draw(pen, coords, size);
    return tile;
  }

  /** @param {CanvasRenderingContext2D} pen @param {L.Coords} coords @param {L.Point} size */
  #draw(pen, coords, size) {
    const style = getComputedStyle(this._map.getContainer());
    const origin = coords.scaleBy(size);
    const toPixel = (/** @type {number} */ latitude, /** @type {number} */ longitude) =>
      this._map.project([latitude, longitude], coords.z).subtract(origin);
    // Labels hang to the right of and below their crossing, so crossings left of and above the tile count too.
    const northWest = this._map.unproject(origin.subtract([LABEL_PX, 24]), coords.z);
    const southEast = this._map.unproject(origin.add(size), coords.z);
    const step = stepAt(coords.z);
    const meridians = multiples(northWest.lng, southEast.lng, step);
    const parallels = multiples(southEast.lat, northWest.lat, step);
    pen.strokeStyle = style.getPropertyValue("--ground-line");
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const longitude of meridians) {
      const { x } = toPixel(0, longitude);
      pen.moveTo(x, 0);
      pen.lineTo(x, size.y);
    }
    for (const latitude of parallels) {
      const { y } = toPixel(latitude, 0);
      pen.moveTo(0, y);
      pen.lineTo(size.x, y);
    }
    pen.stroke();
    pen.fillStyle = style.getPropertyValue("--text-2");
    pen.font = `11px ${style.fontFamily}`;
    pen.globalAlpha = 0.75;
    for (const latitude of parallels) {
      for (const longitude of meridians) {
        const { x, y } = toPixel(latitude, longitude);
        pen.fillText(degrees(latitude, longitude, step), x + 6, y + 15);
      }
    }
  }
}

export function graticule() {
  return new GraticuleLayer({ className: "map-graticule", pane: "tilePane", zIndex: 0 });
}
