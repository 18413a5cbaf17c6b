// The map of what differs between two releases: squares far out, outlines close by, over the ground that was searched for
// the later one. It shows what the page was asked for, as the table below does.

import { api } from "../../shared/api.js";
import { byId, element, pageData } from "../../shared/dom.js";
import { day, gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { L, colour, cornersOf, createMap } from "../../shared/map.js";
import { toastError } from "../../shared/toast.js";
import { cutAround } from "./card.js";
import { ReleaseData, toCell } from "../releases/data.js";
import { OUTLINES_FROM, PaintedLayer, SearchedLayer, SquaresLayer, View } from "../releases/layers.js";

const CLOSEST = 15; // a single place is shown with some ground around it
const FINER = 4; // a square is 2^4 to a map tile's side: 16 pixels
const [APPEARED, VANISHED] = [0, 1];
const COLOURS = ["--appeared", "--vanished", "--changed"];
const WORDS = [
  () => gettext("New on the map"),
  () => gettext("No longer on the map"),
  () => gettext("Outline changed"),
];

const page = pageData("compare-data");
/** @type {ComparedRelease[]} */
const releases = page.releases;
const host = byId("compare-map");
const data = releases.map(({ files }) => new ReleaseData(files));

/**
 * Rows [kind, place, latitude, longitude, hectares, reason] as {kind, place, …}: those that the page was asked for.
 * @param {{kinds: string[], reasons: [string, string][], changes: ChangeRow[]}} file
 * @returns {PlaceChange[]}
 */
function chosen({ kinds, reasons, changes }) {
  return changes
    .filter(
      ([kind, , , , , reason]) =>
        (!page.kind || kinds[kind] === page.kind) && (!page.cause || reasons[reason][0] === page.cause),
    )
    .map(([kind, place, latitude, longitude, hectares, reason]) => ({
      kind,
      place,
      latitude,
      longitude,
      hectares,
      reason: reasons[reason][1],
    }));
}

class ChangesLayer extends PaintedLayer {
  /** @param {PlaceChange[]} changes */
  constructor(changes) {
    super({ maxZoom: OUTLINES_FROM - 1 });
    this.changes = changes;
    /** @type {Map<number, Map<string, number[]>>} */
    this.levels = new Map();
  }

  /** "column/row" → how many changes of each kind. @param {number} level */
  cells(level) {
    const known = this.levels.get(level);
    if (known) {
      return known;
    }
    /** @type {Map<string, number[]>} */
    const cells = new Map();
    for (const { kind, latitude, longitude } of this.changes) {
      const { x, y } = toCell(latitude, longitude, level);
      const key = `${Math.floor(x)}/${Math.floor(y)}`;
      const counts = cells.get(key) || [0, 0, 0];
      counts[kind] += 1;
      cells.set(key, counts);
    }
    this.levels.set(level, cells);
    return cells;
  }

  /** @param {L.LatLng} latlng @param {number} zoom */
  at({ lat, lng }, zoom) {
    const level = zoom + FINER;
    const { x, y } = toCell(lat, lng, level);
    return this.cells(level).get(`${Math.floor(x)}/${Math.floor(y)}`) || null;
  }

  /** @param {CanvasRenderingContext2D} pen @param {L.Coords} coords */
  async paint(pen, coords) {
    const perSide = 2 ** FINER;
    const side = this.getTileSize().x / perSide;
    const cells = this.cells(coords.z + FINER);
    const inks = COLOURS.map((name) => colour(name, host));
    for (let row = 0; row < perSide; row += 1) {
      for (let column = 0; column < perSide; column += 1) {
        const counts = cells.get(`${coords.x * perSide + column}/${coords.y * perSide + row}`);
        if (counts) {
          paintSquare(pen, inks, counts, column * side + 1, row * side + 1, side - 2);
        }
      }
    }
  }
}

/**
 * A square shared out among the kinds of change in it; what went is hollow.
 * @param {CanvasRenderingContext2D} pen
 * @param {string[]} inks
 * @param {number[]} counts
 * @param {number} left
 * @param {number} top
 * @param {number} side
 */
function paintSquare(pen, inks, counts, left, top, side) {
  const all = counts[0] + counts[1] + counts[2];
  let from = left;
  counts.forEach((count, kind) => {
    const width = (side * count) / all;
    if (!count) {
      return;
    }
    pen.fillStyle = inks[kind];
    pen.strokeStyle = pen.fillStyle;
    if (kind === VANISHED) {
      pen.lineWidth = 2;
      pen.strokeRect(from + 1, top + 1, Math.max(width - 2, 1), side - 2);
    } else {
      pen.fillRect(from, top, width, side);
    }
    from += width;
  });
}

/** Outlines of the changes in view, from the two releases' own files. */
class Outlines {
  /** @param {L.Map} map @param {PlaceChange[]} changes */
  constructor(map, changes) {
    this.map = map;
    this.byPlace = new Map(changes.map((change) => [change.place, change]));
    /** @type {Map<string, L.GeoJSON>} */
    this.shown = new Map();
    this.view = new View(map);
    map.on("moveend", () => this.refresh().catch(toastError));
  }

  async refresh() {
    const seen = await this.view.ground((view) => Promise.all(data.map((one) => one.ground(view))));
    if (!seen) {
      return;
    }
    /** @type {Map<string, ChangeShown>} */
    const wanted = new Map();
    seen.parts.forEach((files, side) => {
      for (const feature of files.flatMap(({ features }) => features)) {
        const change = this.byPlace.get(feature.id);
        const [west, south, east, north] = feature.bbox;
        if (change && shows(change, side) && seen.view.intersects(cornersOf([west, south, east, north]))) {
          wanted.set(`${side}/${feature.id}`, { change, feature, side });
        }
      }
    });
    // What stays is not drawn anew: its card may be open, and opening it moves the map.
    for (const [key, layer] of this.shown) {
      if (!wanted.has(key)) {
        layer.remove();
        this.shown.delete(key);
      }
    }
    for (const [key, one] of wanted) {
      if (!this.shown.has(key)) {
        this.shown.set(key, outline(one).addTo(this.map));
      }
    }
  }
}

/**
 * Whether the earlier (0) or the later (1) of the two releases shows the place.
 * @param {PlaceChange} change
 * @param {number} side
 */
function shows({ kind }, side) {
  return kind === APPEARED ? side === 1 : kind === VANISHED ? side === 0 : true;
}

/** @param {ChangeShown} shown */
function outline({ change, feature, side }) {
  const ink = colour(COLOURS[change.kind], host);
  const old = side === 0;
  return L.geoJSON(feature, {
    style: {
      color: ink,
      weight: 2,
      dashArray: old ? "6 5" : undefined,
      fillColor: ink,
      fillOpacity: old ? 0.04 : change.kind === APPEARED ? 0.55 : 0.25,
    },
  }).bindPopup(() => card(change, feature, side), { className: "place-popup", minWidth: 300, maxWidth: 300 });
}

/**
 * What happened to a place, why, how it looks, and the ways to it in either release. side: whose outline was pressed.
 * @param {PlaceChange} change
 * @param {PlaceFeature} feature
 * @param {number} side
 */
function card(change, feature, side) {
  const { picture: mayShow, capture_date: taken, hectares, tile } = feature.properties;
  const place = encodeURIComponent(change.place);
  const address = releases[side].picture.replace(page.anyPlace, place);
  const picture = mayShow
    ? element("img", {
        src: `${address}?size=512`,
        alt: gettext("Satellite image of this place"),
        width: 300,
        height: 150,
      })
    : null;
  picture?.addEventListener("error", () => picture.remove()); // the source's right has been withdrawn since
  cutAround(picture, tile, change.latitude);
  const imported = hectares === null;
  const size =
    hectares === null
      ? ""
      : interpolate(gettext("%(hectares)s ha"), { hectares: number(hectares, { maximumFractionDigits: 1 }) });
  const when = taken
    ? interpolate(gettext("Image of %(date)s"), { date: day(taken) })
    : gettext("Image of unknown date");
  return element(
    "div",
    { class: "place-card change-card" },
    picture,
    element(
      "div",
      { class: "place-card__text" },
      element("h2", {}, WORDS[change.kind]()),
      element("p", {}, change.reason),
      element("p", { class: "quiet small num" }, [size, when].filter(Boolean).join(" · ")),
      mayShow || imported
        ? null
        : element("p", { class: "quiet small" }, gettext("The source does not allow showing its images.")),
      element("p", { class: "small change-card__ways" }, gettext("Look at the place")),
      element(
        "div",
        { class: "place-card__actions" },
        releases.map((release, index) =>
          element("a", { class: "btn btn--quiet btn--small", href: wayTo(change, release, index) }, release.name),
        ),
      ),
    ),
  );
}

/**
 * The page of the place, or, where the release does not show it, the release's map of that ground.
 * @param {PlaceChange} change
 * @param {ComparedRelease} release
 * @param {number} side
 */
function wayTo(change, release, side) {
  return shows(change, side)
    ? release.place.replace(page.anyPlace, encodeURIComponent(change.place))
    : `${release.map}#map=${CLOSEST}/${change.latitude.toFixed(5)}/${change.longitude.toFixed(5)}`;
}

/** @param {number[]} counts */
function sentence([appeared, vanished, changed]) {
  /** @type {[number, string][]} */
  const parts = [
    [appeared, ngettext("%(count)s new", "%(count)s new", appeared)],
    [vanished, ngettext("%(count)s removed", "%(count)s removed", vanished)],
    [changed, ngettext("%(count)s with a changed outline", "%(count)s with a changed outline", changed)],
  ];
  return parts
    .filter(([count]) => count)
    .map(([count, text]) => interpolate(text, { count: number(count) }))
    .join(", ");
}

async function show() {
  const changes = chosen(await api.get(page.changes));
  const all = L.latLngBounds(changes.map(({ latitude, longitude }) => L.latLng(latitude, longitude)));
  const map = createMap(host, {
    label: gettext("Map of what changed. The table below says the same."),
    bounds: all.pad(0.08),
    maxZoom: 17,
    scrollWheelZoom: false,
  });
  if (map.getZoom() > CLOSEST) {
    map.setZoom(CLOSEST);
  }
  if (page.searched) {
    new SquaresLayer(data[1], { groundOnly: true }).addTo(map);
    new SearchedLayer(data[1]).addTo(map);
  }
  const squares = new ChangesLayer(changes).addTo(map);
  const tip = L.tooltip({ className: "map-tip", direction: "top", offset: [0, -8] });
  map.on("mousemove", ({ latlng }) => {
    const counts = map.getZoom() < OUTLINES_FROM ? squares.at(latlng, map.getZoom()) : null;
    host.classList.toggle("over-square", Boolean(counts));
    if (counts) {
      tip.setLatLng(latlng).setContent(sentence(counts)).addTo(map);
    } else {
      tip.remove();
    }
  });
  map.on("click", ({ latlng }) => {
    if (map.getZoom() < OUTLINES_FROM && squares.at(latlng, map.getZoom())) {
      map.setView(latlng, Math.min(map.getZoom() + 3, OUTLINES_FROM + 1));
    }
  });
  map.on("zoomend", () => tip.remove());
  await new Outlines(map, changes).refresh();
  host.dataset.ready = "1";
}

show().catch((error) => {
  host.replaceChildren(element("p", { class: "notice notice--error" }, error.message));
});
