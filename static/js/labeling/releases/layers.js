// What lies on the public map: squares far out, outlines and searched ground close by.

import { fineCanvas } from "../../shared/dom.js";
import { gettext, interpolate, number } from "../../shared/i18n.js";
import { L, colour, cornersOf, latLngs } from "../../shared/map.js";
import { squaresLevel, sums, toCell, yearName } from "./data.js";

// From here on outlines are drawn; a tile of zoom 18 is then 16 pixels wide.
export const OUTLINES_FROM = 12;
const PICTURES_FROM = 14;
const MOST_PICTURES = 40;

/** Draws onto map tiles; the subclass says what in paint(pen, coords), a promise: it may wait for its data. */
export class PaintedLayer extends L.GridLayer {
  /** @param {L.Coords} coords @param {L.DoneCallback} done */
  createTile(coords, done) {
    const size = this.getTileSize();
    const { canvas: tile, pen } = fineCanvas(size.x, size.y);
    this.paint(pen, coords).then(
      () => done(undefined, tile),
      (error) => done(error, tile),
    );
    return tile;
  }

  /** @param {CanvasRenderingContext2D} _pen @param {L.Coords} _coords @returns {Promise<void>} */
  async paint(_pen, _coords) {}
}

/** Squares of a release; with `groundOnly` those of the searched ground alone, whatever was found there. */
export class SquaresLayer extends PaintedLayer {
  /** @param {ReleaseData} data @param {{groundOnly?: boolean}} options */
  constructor(data, { groundOnly = false } = {}) {
    super({ maxZoom: OUTLINES_FROM - 1, className: "map-squares" });
    this.data = data;
    this.groundOnly = groundOnly;
    this.year = "";
  }

  /** @param {string} year */
  setYear(year) {
    if (year !== this.year) {
      // on a slow phone painting twice is felt
      this.year = year;
      this.redraw();
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {L.Coords} coords */
  async paint(pen, coords) {
    const level = squaresLevel(coords.z);
    const { cells, most } = await this.data.squares(level);
    const perSide = 2 ** (level - coords.z);
    const side = 256 / perSide;
    const gap = side > 10 ? 2 : 1;
    const searched = colour("--searched");
    const mining = colour("--mining");
    for (let row = 0; row < perSide; row += 1) {
      for (let column = 0; column < perSide; column += 1) {
        const cell = cells.get(`${coords.x * perSide + column}/${coords.y * perSide + row}`);
        if (!cell || (this.groundOnly && !cell.searched)) {
          continue;
        }
        const { places, hectares } = this.groundOnly ? { places: 0, hectares: 0 } : sums(cell, this.year);
        pen.fillStyle = places ? mining : searched;
        // Darker where more is mined; the root keeps small places visible.
        pen.globalAlpha = places ? 0.42 + 0.53 * Math.sqrt(Math.min(hectares / (most || 1), 1)) : 1;
        pen.beginPath();
        pen.roundRect(column * side + gap / 2, row * side + gap / 2, side - gap, side - gap, 2);
        pen.fill();
      }
    }
  }

  /**
   * The most hectares of one square at a zoom.
   * @param {number} zoom
   */
  async most(zoom) {
    return (await this.data.squares(squaresLevel(zoom))).most;
  }

  /**
   * The square under a place, or null; with {bounds-free} column and row and its sums.
   * @param {L.LatLng} latlng
   * @param {number} zoom
   */
  async at(latlng, zoom) {
    const level = squaresLevel(zoom);
    const { cells } = await this.data.squares(level);
    const { x, y } = toCell(latlng.lat, latlng.lng, level);
    const cell = cells.get(`${Math.floor(x)}/${Math.floor(y)}`);
    return cell ? { ...cell, level, ...sums(cell, this.year) } : null;
  }

  /**
   * The square with places under a pointer, null for none; without a connection there is none, and the squares
   * themselves say so.
   * @param {L.LatLng} latlng
   */
  async under(latlng) {
    const zoom = this._map.getZoom();
    const cell = zoom < OUTLINES_FROM ? await this.at(latlng, zoom).catch(() => null) : null;
    return cell?.places ? cell : null;
  }
}

export class SearchedLayer extends PaintedLayer {
  /** @param {ReleaseData} data */
  constructor(data) {
    super({ minZoom: OUTLINES_FROM, className: "map-searched" });
    this.data = data;
  }

  /** @param {CanvasRenderingContext2D} pen @param {L.Coords} coords */
  async paint(pen, coords) {
    const size = this.getTileSize();
    const origin = coords.scaleBy(size);
    const at = (/** @type {number} */ latitude, /** @type {number} */ longitude) =>
      this._map.project([latitude, longitude], coords.z).subtract(origin);
    const bounds = this._tileCoordsToBounds(coords).pad(0.02);
    // A searched tile belongs to the cell of its middle and may reach over a cell's edge.
    const reach = L.latLngBounds(
      [bounds.getSouth() - 0.004, bounds.getWest() - 0.006],
      [bounds.getNorth() + 0.004, bounds.getEast() + 0.006],
    );
    const parts = await this.data.ground(reach);
    pen.fillStyle = colour("--searched");
    for (const part of parts) {
      for (const [west, south, east, north] of part.searched) {
        const topLeft = at(north, west);
        const bottomRight = at(south, east);
        if (bottomRight.x >= 0 && bottomRight.y >= 0 && topLeft.x <= size.x && topLeft.y <= size.y) {
          pen.fillRect(topLeft.x + 0.5, topLeft.y + 0.5, bottomRight.x - topLeft.x - 1, bottomRight.y - topLeft.y - 1);
        }
      }
    }
  }
}

/** What lies in a map's view, asked for when it rests; from afar that is nothing. */
export class View {
  /** @param {L.Map} map */
  constructor(map) {
    this.map = map;
    this.turn = 0;
  }

  /**
   * Null where the map has moved on before the answer came.
   * @template T
   * @param {(view: L.LatLngBounds) => Promise<T[]>} ask
   */
  async ground(ask) {
    this.turn += 1;
    const { turn } = this;
    const view = this.map.getBounds().pad(0.15);
    const parts = this.map.getZoom() >= OUTLINES_FROM ? await ask(view) : [];
    return turn === this.turn ? { view, parts } : null;
  }
}

/** Outlines (and, close by, the pictures below them) of what is in view. onPress(feature) when one is pressed. */
export class Outlines {
  /**
   * @param {L.Map} map
   * @param {ReleaseData} data
   * @param {{pictureUrl: (place: string, size: number) => string, onPress: (feature: PlaceFeature) => void}} calls
   */
  constructor(map, data, { pictureUrl, onPress }) {
    this.map = map;
    this.data = data;
    this.pictureUrl = pictureUrl;
    this.onPress = onPress;
    this.year = "";
    this.chosen = "";
    /** @type {Map<string, {feature: PlaceFeature, layer: L.Polygon}>} */
    this.shown = new Map();
    /** @type {Map<string, L.ImageOverlay>} */
    this.pictures = new Map();
    this.view = new View(map);
    map.createPane("pictures").style.zIndex = "250";
    map.on("moveend", () => this.refresh());
  }

  /** @param {string} year */
  setYear(year) {
    this.year = year;
    return this.refresh();
  }

  /** @param {string} place */
  setChosen(place) {
    this.chosen = place;
    for (const { layer, feature } of this.shown.values()) {
      layer.setStyle(this.style(feature));
    }
  }

  /** @param {PlaceFeature} feature @returns {L.PathOptions} */
  style(feature) {
    const chosen = feature.id === this.chosen;
    const overPicture = this.map.getZoom() >= PICTURES_FROM && feature.properties.picture;
    return {
      color: colour(overPicture ? "--outline-on-picture" : chosen ? "--text" : "--accent-text"),
      weight: chosen ? 3 : overPicture ? 2 : 1.5,
      fillColor: colour("--mining"),
      fillOpacity: overPicture ? 0.14 : chosen ? 0.85 : 0.7,
    };
  }

  async refresh() {
    const seen = await this.view.ground((view) => this.data.ground(view));
    if (!seen) {
      return;
    }
    /** @type {Map<string, PlaceFeature>} */
    const wanted = new Map();
    for (const part of seen.parts) {
      for (const feature of part.features) {
        const [west, south, east, north] = feature.bbox;
        const mine = !this.year || yearName(feature.properties.capture_date?.slice(0, 4)) === this.year;
        if (mine && seen.view.intersects(cornersOf([west, south, east, north]))) {
          wanted.set(feature.id, feature);
        }
      }
    }
    this.drop(this.shown, wanted, (entry) => entry.layer.remove());
    for (const [id, feature] of wanted) {
      const known = this.shown.get(id);
      if (known) {
        known.layer.setStyle(this.style(feature));
      } else {
        this.shown.set(id, { feature, layer: this.draw(feature) });
      }
    }
    this.showPictures(wanted);
  }

  /**
   * @template T
   * @param {Map<string, T>} from
   * @param {Map<string, PlaceFeature>} wanted
   * @param {(entry: T) => void} remove
   */
  drop(from, wanted, remove) {
    for (const [id, entry] of from) {
      if (!wanted.has(id)) {
        remove(entry);
        from.delete(id);
      }
    }
  }

  /** @param {PlaceFeature} feature */
  draw(feature) {
    const flipped = feature.geometry.coordinates.map((polygon) => polygon.map(latLngs));
    const { hectares: size } = feature.properties;
    const text =
      size === null
        ? gettext("imported map")
        : interpolate(gettext("%(hectares)s ha"), { hectares: number(size, { maximumFractionDigits: 1 }) });
    return L.polygon(flipped, this.style(feature))
      .bindTooltip(text, { sticky: true, className: "map-tip" })
      .on("click", (event) => {
        L.DomEvent.stopPropagation(event);
        this.onPress(feature);
      })
      .addTo(this.map);
  }

  /** @param {Map<string, PlaceFeature>} wanted */
  showPictures(wanted) {
    const close = this.map.getZoom() >= PICTURES_FROM;
    const withPicture = new Map(
      [...wanted].filter(([, feature]) => close && feature.properties.picture).slice(0, MOST_PICTURES),
    );
    this.drop(this.pictures, withPicture, (picture) => picture.remove());
    for (const [id, feature] of withPicture) {
      if (!this.pictures.has(id)) {
        const [west, south, east, north] = feature.properties.tile;
        const picture = L.imageOverlay(this.pictureUrl(id, 1000), cornersOf([west, south, east, north]), {
          pane: "pictures",
          alt: "",
        });
        picture.on("error", () => picture.remove()); // the source's right has been withdrawn since
        this.pictures.set(id, picture.addTo(this.map));
      }
    }
  }
}
