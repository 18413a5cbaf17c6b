// The files of one release: squares by level, ground by cell. Each is fetched once; they never change.

import { api } from "../../shared/api.js";

export const OUTLINE_LEVEL = 11; // zoom of the cells into which outlines are cut
const FIRST_SQUARES = 7;
const LAST_SQUARES = 15;

export const squaresLevel = (/** @type {number} */ zoom) => Math.min(Math.max(zoom + 4, FIRST_SQUARES), LAST_SQUARES);

/**
 * (column, row) of the Web-Mercator cell of a place, as fractions.
 * @param {number} latitude
 * @param {number} longitude
 * @param {number} zoom
 */
export function toCell(latitude, longitude, zoom) {
  const side = 2 ** zoom;
  const y = Math.asinh(Math.tan((latitude * Math.PI) / 180));
  return { x: ((longitude + 180) / 360) * side, y: ((1 - y / Math.PI) / 2) * side };
}

/** {south, west, north, east} of a cell in degrees. @param {number} x @param {number} y @param {number} zoom */
export function cellBounds(x, y, zoom) {
  const side = 2 ** zoom;
  const latitude = (/** @type {number} */ row) =>
    (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / side))) * 180) / Math.PI;
  return {
    west: (x / side) * 360 - 180,
    east: ((x + 1) / side) * 360 - 180,
    north: latitude(y),
    south: latitude(y + 1),
  };
}

export class ReleaseData {
  /** @param {string} files */
  constructor(files) {
    this.files = files;
    /** @type {Map<string, Promise<any>>} */
    this.kept = new Map();
  }

  /** @param {string} name @returns {Promise<any>} */
  fetch(name) {
    return this.#once(name, () => api.get(this.files + name));
  }

  /**
   * A file that releases of earlier days do not have: `without` stands for it then.
   * @template T
   * @param {string} name
   * @param {T} without
   * @returns {Promise<T>}
   */
  async #fetchIfThere(name, without) {
    try {
      return await this.fetch(name);
    } catch (error) {
      if (error.status === 404) {
        return without;
      }
      throw error;
    }
  }

  /**
   * {districts: [{name, names, bbox, geometry}]}, outlines for looking at.
   * @returns {Promise<{districts: District[]}>}
   */
  districts() {
    return this.#fetchIfThere("districts.json", { districts: [] });
  }

  /** {names: [[name, {language: name}, latitude, longitude], …]} @returns {Promise<{names: NamedPlace[]}>} */
  names() {
    return this.#fetchIfThere("names.json", { names: [] });
  }

  /** {ids: [[place, latitude, longitude], …]} @returns {Promise<{ids: PlaceId[]}>} */
  ids() {
    return this.#fetchIfThere("ids.json", { ids: [] });
  }

  /**
   * {zoom, cells: Map("x/y" -> {x, y, searched, years: Map(year -> {places, hectares})})}; year is text.
   * @param {number} zoom
   * @returns {Promise<Squares>}
   */
  async squares(zoom) {
    return this.#once(`parsed ${zoom}`, () => this.fetch(`squares-${zoom}.json`).then(parseSquares));
  }

  /**
   * What was asked for once is kept; what failed is asked for again.
   * @template T
   * @param {string} key
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   */
  #once(key, ask) {
    const known = this.kept.get(key);
    if (known) {
      return known;
    }
    const asked = ask();
    asked.catch(() => this.kept.delete(key));
    this.kept.set(key, asked);
    return asked;
  }

  /**
   * The ground files ({features, searched}) of all cells that the bounds touch.
   * @param {L.LatLngBounds} bounds
   * @returns {Promise<Ground[]>}
   */
  async ground(bounds) {
    const known = await this.squares(OUTLINE_LEVEL);
    const first = toCell(bounds.getNorth(), bounds.getWest(), OUTLINE_LEVEL);
    const last = toCell(bounds.getSouth(), bounds.getEast(), OUTLINE_LEVEL);
    /** @type {Promise<Ground>[]} */
    const asked = [];
    for (let x = Math.floor(first.x); x <= Math.floor(last.x); x += 1) {
      for (let y = Math.floor(first.y); y <= Math.floor(last.y); y += 1) {
        if (known.cells.has(`${x}/${y}`)) {
          asked.push(this.fetch(`ground-${x}-${y}.json`));
        }
      }
    }
    return Promise.all(asked);
  }
}

/** @param {{zoom: number, years: (number | null)[], cells: number[][]}} file @returns {Squares} */
function parseSquares({ zoom, years, cells }) {
  /** @type {Map<string, SquareCell>} */
  const parsed = new Map();
  let most = 0;
  for (const [x, y, searched, ...rest] of cells) {
    /** @type {Map<string, YearSums>} */
    const found = new Map();
    let hectares = 0;
    for (let k = 0; k < rest.length; k += 3) {
      found.set(yearName(years[rest[k]]), { places: rest[k + 1], hectares: rest[k + 2] });
      hectares += rest[k + 2];
    }
    most = Math.max(most, hectares);
    parsed.set(`${x}/${y}`, { x, y, searched, years: found });
  }
  return { zoom, cells: parsed, most };
}

/** The name of an image's year, as the page's buttons have it. @param {number | string | null | undefined} year */
export function yearName(year) {
  return year === null || year === undefined ? "undated" : String(year);
}

/**
 * Places and hectares of a cell, of one year or of all ("" stands for all).
 * @param {SquareCell} cell
 * @param {string} year
 * @returns {YearSums}
 */
export function sums(cell, year) {
  const wanted = year ? [cell.years.get(year)] : [...cell.years.values()];
  return wanted
    .filter((one) => one !== undefined)
    .reduce((total, one) => ({ places: total.places + one.places, hectares: total.hectares + one.hectares }), {
      places: 0,
      hectares: 0,
    });
}
