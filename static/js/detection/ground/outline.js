// The outline of a region as numbers: closed shapes, the one being drawn, and undoing. Knows no map and no page.
// Points are [longitude, latitude]; rings are kept open (the first point is not repeated).

const EARTH_RADIUS_KM = 6371.0088;
const DECIMALS = 6; // about 10 cm

const round = (/** @type {number} */ value) => Number(value.toFixed(DECIMALS));

export class Outline {
  constructor() {
    /** Each [outer ring, hole, …]. @type {Ring[][]} */
    this.polygons = [];
    /** The corners set so far. @type {Ring | null} */
    this.draft = null;
    /** @type {string[]} */
    this.before = [];
  }

  /**
   * Take shapes from GeoJSON of any wrapping. Throws SyntaxError or TypeError when it holds no polygon.
   * @param {string} text
   */
  read(text) {
    const polygons = text.trim() ? [...shapes(JSON.parse(text))] : [];
    this.remember();
    this.polygons = polygons;
    this.draft = null;
  }

  /** GeoJSON text of the closed shapes, "" when there are none. */
  write() {
    if (!this.polygons.length) {
      return "";
    }
    const closed = this.polygons.map((rings) => rings.map((ring) => [...ring, ring[0]]));
    return JSON.stringify(
      closed.length === 1 ? { type: "Polygon", coordinates: closed[0] } : { type: "MultiPolygon", coordinates: closed },
    );
  }

  remember() {
    this.before.push(JSON.stringify([this.polygons, this.draft]));
    if (this.before.length > 200) {
      this.before.shift();
    }
  }

  undo() {
    const last = this.before.pop();
    if (last === undefined) {
      return false;
    }
    [this.polygons, this.draft] = JSON.parse(last);
    return true;
  }

  /** @param {number} longitude @param {number} latitude */
  add(longitude, latitude) {
    this.remember();
    this.draft = [...(this.draft || []), [round(longitude), round(latitude)]];
  }

  get canClose() {
    return (this.draft?.length ?? 0) >= 3;
  }

  close() {
    if (!this.draft || !this.canClose) {
      return false;
    }
    this.remember();
    this.polygons.push([this.draft]);
    this.draft = null;
    return true;
  }

  clear() {
    this.remember();
    this.polygons = [];
    this.draft = null;
  }

  /**
   * The ring that a corner belongs to: of polygon `index`, or the draft for -1.
   * @param {number} index
   * @returns {Ring}
   */
  ring(index) {
    return index < 0 ? (this.draft ?? []) : this.polygons[index][0];
  }

  /** @param {number} index @param {number} corner @param {number} longitude @param {number} latitude */
  move(index, corner, longitude, latitude) {
    this.remember();
    this.ring(index)[corner] = [round(longitude), round(latitude)];
  }

  /** @param {number} index @param {number} corner @param {number} longitude @param {number} latitude */
  insert(index, corner, longitude, latitude) {
    this.remember();
    this.ring(index).splice(corner, 0, [round(longitude), round(latitude)]);
  }

  /**
   * Take a corner out; a closed shape that would have fewer than three goes as a whole.
   * @param {number} index
   * @param {number} corner
   */
  remove(index, corner) {
    this.remember();
    const ring = this.ring(index);
    if (index >= 0 && ring.length <= 3) {
      this.polygons.splice(index, 1);
      return;
    }
    ring.splice(corner, 1);
    if (index < 0 && !ring.length) {
      this.draft = null;
    }
  }

  get corners() {
    return this.polygons.reduce((sum, rings) => sum + rings[0].length, this.draft ? this.draft.length : 0);
  }

  /** [[south, west], [north, east]] of everything, or null. @returns {Corners | null} */
  bounds() {
    const points = [...this.polygons.flat(2), ...(this.draft || [])];
    if (!points.length) {
      return null;
    }
    const longitudes = points.map((point) => point[0]);
    const latitudes = points.map((point) => point[1]);
    return [
      [Math.min(...latitudes), Math.min(...longitudes)],
      [Math.max(...latitudes), Math.max(...longitudes)],
    ];
  }

  /** Square kilometres of the closed shapes on a sphere: good to half a percent, for orientation. */
  area() {
    return this.polygons.reduce(
      (sum, [outer, ...holes]) => sum + ringArea(outer) - holes.reduce((all, hole) => all + ringArea(hole), 0),
      0,
    );
  }
}

/** @param {any} found @param {number} depth @returns {Generator<Ring[]>} */
function* shapes(found, depth = 0) {
  if (depth > 8 || found === null || typeof found !== "object") {
    throw new TypeError("no polygon");
  }
  if (Array.isArray(found)) {
    for (const item of found) {
      yield* shapes(item, depth + 1);
    }
  } else if (found.type === "Polygon") {
    yield found.coordinates.map(open);
  } else if (found.type === "MultiPolygon") {
    for (const rings of found.coordinates) {
      yield rings.map(open);
    }
  } else {
    yield* shapes(found.geometry || found.features || found.geometries, depth + 1);
  }
}

/** @param {Ring} ring @returns {Ring} */
function open(ring) {
  /** @type {Ring} */
  const points = ring.map(([longitude, latitude]) => {
    if (!Number.isFinite(longitude) || !Number.isFinite(latitude)) {
      throw new TypeError("no numbers");
    }
    return [longitude, latitude];
  });
  const last = points.at(-1);
  if (last && points.length > 1 && points[0][0] === last[0] && points[0][1] === last[1]) {
    points.pop();
  }
  if (points.length < 3) {
    throw new TypeError("too few points");
  }
  return points;
}

/** @param {Ring} ring */
function ringArea(ring) {
  const radians = Math.PI / 180;
  const sum = ring.reduce((total, [longitude, latitude], index) => {
    const [nextLongitude, nextLatitude] = ring[(index + 1) % ring.length];
    const lift = 2 + Math.sin(latitude * radians) + Math.sin(nextLatitude * radians);
    return total + (nextLongitude - longitude) * radians * lift;
  }, 0);
  return Math.abs((sum * EARTH_RADIUS_KM ** 2) / 2);
}
