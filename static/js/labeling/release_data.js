// The files of one release: squares by level, ground by cell. Each is fetched once; they never change.

import { api } from "../shared/api.js";

export const OUTLINE_LEVEL = 11; // zoom of the cells into which outlines are cut
const FIRST_SQUARES = 7;
const LAST_SQUARES = 15;

export const squaresLevel = (zoom) => Math.min(Math.max(zoom + 4, FIRST_SQUARES), LAST_SQUARES);

/** (column, row) of the Web-Mercator cell of a place, as fractions. */
export function toCell(latitude, longitude, zoom) {
  const side = 2 ** zoom;
  const y = Math.asinh(Math.tan((latitude * Math.PI) / 180));
  return { x: ((longitude + 180) / 360) * side, y: ((1 - y / Math.PI) / 2) * side };
}

/** {south, west, north, east} of a cell in degrees. */
export function cellBounds(x, y, zoom) {
  const side = 2 ** zoom;
  const latitude = (row) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / side))) * 180) / Math.PI;
  return {
    west: (x / side) * 360 - 180,
    east: ((x + 1) / side) * 360 - 180,
    north: latitude(y),
    south: latitude(y + 1),
  };
}

export class ReleaseData {
  constructor(files) {
    this.files = files;
    this.kept = new Map();
  }

  fetch(name) {
    if (!this.kept.has(name)) {
      const asked = api.get(this.files + name);
      asked.catch(() => this.kept.delete(name)); // so that the next look tries again
      this.kept.set(name, asked);
    }
    return this.kept.get(name);
  }

  /** A file that releases of earlier days do not have: `without` stands for it then. */
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

  /** {districts: [{name, names, bbox, geometry}]}, outlines for looking at. */
  districts() {
    return this.#fetchIfThere("districts.json", { districts: [] });
  }

  /** {names: [[name, {language: name}, latitude, longitude], …]} */
  names() {
    return this.#fetchIfThere("names.json", { names: [] });
  }

  /** {ids: [[place, latitude, longitude], …]} */
  ids() {
    return this.#fetchIfThere("ids.json", { ids: [] });
  }

  /** {zoom, cells: Map("x/y" -> {x, y, searched, years: Map(year -> {places, hectares})})}; year is text. */
  async squares(zoom) {
    const key = `parsed ${zoom}`;
    if (!this.kept.has(key)) {
      const parsed = this.fetch(`squares-${zoom}.json`).then(parseSquares);
      parsed.catch(() => this.kept.delete(key));
      this.kept.set(key, parsed);
    }
    return this.kept.get(key);
  }

  /** The ground files ({features, searched}) of all cells that the bounds touch. */
  async ground(bounds) {
    const known = await this.squares(OUTLINE_LEVEL);
    const first = toCell(bounds.getNorth(), bounds.getWest(), OUTLINE_LEVEL);
    const last = toCell(bounds.getSouth(), bounds.getEast(), OUTLINE_LEVEL);
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

function parseSquares({ zoom, years, cells }) {
  const parsed = new Map();
  let most = 0;
  for (const [x, y, searched, ...rest] of cells) {
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

/** The name of an image's year, as the page's buttons have it. */
export function yearName(year) {
  return year === null || year === undefined ? "undated" : String(year);
}

/** Places and hectares of a cell, of one year or of all ("" stands for all). */
export function sums(cell, year) {
  const wanted = year ? [cell.years.get(year)] : [...cell.years.values()];
  return wanted.filter(Boolean).reduce(
    (total, one) => ({ places: total.places + one.places, hectares: total.hectares + one.hectares }),
    { places: 0, hectares: 0 },
  );
}
