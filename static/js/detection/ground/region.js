// Drawing the outline of a region by mouse, finger or keyboard. The form's GeoJSON field holds the truth; the map is
// another way to fill it in.

import { byId, element, pageData, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { L, colour, cornersOf, createMap, fitMap, latLngs } from "../../shared/map.js";
import { Outline } from "./outline.js";

/**
 * @typedef {{look: string, size: number, label: string, onMove: (place: L.LatLng) => void, onPress: () => boolean,
 *   onRemove: () => void}} HandleKind
 */

const MOST_HANDLES = 300;
const STEP_PX = 8;
/** @type {Record<string, Pair>} */
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

queryAll(document, "[data-draw]").forEach(start);

/** @param {HTMLElement} host */
function start(host) {
  host.hidden = false;
  const field = byId("id_polygon", HTMLTextAreaElement);
  const fileField = byId("id_polygon_file", HTMLInputElement);
  const container = byId("region-map");
  const stateText = query(host, "[data-state]");
  const outline = new Outline();
  const map = createMap(container, { label: gettext("Outline of the region"), minZoom: 2, doubleClickZoom: false });
  container.append(element("span", { class: "region-map__middle", "aria-hidden": "true" }));

  const amber = colour("--accent");
  const boxes = L.layerGroup().addTo(map);
  const drawn = L.layerGroup().addTo(map);
  const handles = L.layerGroup().addTo(map);
  /** @type {Box[]} */
  const tiles = pageData("tile-boxes") || [];
  for (const [west, south, east, north] of tiles) {
    L.rectangle(cornersOf([west, south, east, north]), {
      color: colour("--text-2"),
      weight: 1,
      fillOpacity: 0.12,
      interactive: false,
    }).addTo(boxes);
  }

  function show() {
    const { activeElement } = document;
    const inside = activeElement instanceof HTMLElement && container.contains(activeElement);
    const focused = inside ? activeElement.dataset.handle : null;
    drawn.clearLayers();
    handles.clearLayers();
    for (const rings of outline.polygons) {
      L.polygon(rings.map(latLngs), { color: amber, weight: 3, fillOpacity: 0.14, interactive: false }).addTo(drawn);
    }
    if (outline.draft) {
      L.polyline(latLngs(outline.draft), { color: amber, weight: 3, dashArray: "6 6", interactive: false }).addTo(
        drawn,
      );
    }
    if (outline.corners <= MOST_HANDLES) {
      for (const index of outline.polygons.keys()) {
        addHandles(index);
      }
      if (outline.draft) {
        addHandles(-1);
      }
    }
    if (focused) {
      queryAll(container, `[data-handle="${focused}"]`)[0]?.focus();
    }
    tell();
  }

  /** @param {number} index */
  function addHandles(index) {
    const ring = outline.ring(index);
    ring.forEach(([longitude, latitude], corner) => {
      const first = index < 0 && corner === 0;
      handle([latitude, longitude], `${index}:${corner}`, {
        look: first ? "corner corner--first" : "corner",
        size: 28,
        label: first && outline.canClose ? gettext("First vertex: press to close the outline") : cornerName(corner),
        onMove: (place) => outline.move(index, corner, place.lng, place.lat),
        onPress: () => (first ? outline.close() : false),
        onRemove: () => outline.remove(index, corner),
      });
      if (index < 0 || outline.corners > MOST_HANDLES / 2) {
        return;
      }
      const [nextLongitude, nextLatitude] = ring[(corner + 1) % ring.length];
      /** @type {Pair} */
      const middle = [(latitude + nextLatitude) / 2, (longitude + nextLongitude) / 2];
      handle(middle, `${index}:${corner}+`, {
        look: "between",
        size: 24,
        label: interpolate(gettext("Add a vertex after vertex %(number)s"), { number: corner + 1 }),
        onMove: (place) => outline.insert(index, corner + 1, place.lng, place.lat),
        onPress: () => {
          outline.insert(index, corner + 1, middle[1], middle[0]);
          return true;
        },
        onRemove: () => {},
      });
    });
  }

  /** @param {number} corner */
  function cornerName(corner) {
    return interpolate(gettext("Vertex %(number)s: arrow keys move it, Delete removes it"), { number: corner + 1 });
  }

  /** @param {Pair} place @param {string} name @param {HandleKind} kind */
  function handle(place, name, { look, size, label, onMove, onPress, onRemove }) {
    const icon = L.divIcon({ className: look, iconSize: [size, size] });
    const marker = L.marker(place, { icon, draggable: true, keyboard: true, autoPan: true, title: "" }).addTo(handles);
    const shown = marker.getElement();
    if (!shown) {
      return; // a marker on a map has its element
    }
    shown.dataset.handle = name;
    shown.setAttribute("aria-label", label);
    marker.on("dragend", () => {
      onMove(marker.getLatLng());
      changed();
    });
    marker.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      if (onPress()) {
        changed();
      }
    });
    shown.addEventListener("keydown", (event) => {
      if (event.key in ARROWS) {
        const [x, y] = ARROWS[event.key];
        const at = map.latLngToContainerPoint(marker.getLatLng()).add([x * STEP_PX, y * STEP_PX]);
        onMove(map.containerPointToLatLng(at));
      } else if (event.key === "Delete" || event.key === "Backspace") {
        onRemove();
      } else if (event.key === "Enter") {
        onPress();
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      changed();
    });
  }

  function tell(problem = "") {
    if (problem) {
      stateText.textContent = problem;
      return;
    }
    /** @type {string[]} */
    const parts = [];
    if (outline.polygons.length) {
      const area = outline.area();
      parts.push(
        interpolate(
          ngettext(
            "%(count)s closed outline, about %(area)s km²",
            "%(count)s closed outlines, about %(area)s km²",
            outline.polygons.length,
          ),
          { count: number(outline.polygons.length), area: number(area, { maximumSignificantDigits: 3 }) },
        ),
      );
    }
    if (outline.draft) {
      parts.push(
        interpolate(
          ngettext("%(count)s vertex, not closed yet", "%(count)s vertices, not closed yet", outline.draft.length),
          {
            count: number(outline.draft.length),
          },
        ),
      );
    }
    if (outline.corners > MOST_HANDLES) {
      parts.push(gettext("too many vertices to move them by hand"));
    }
    stateText.textContent = parts.join(" · ") || gettext("Nothing is drawn yet.");
    query(host, '[data-do="close"]', HTMLButtonElement).disabled = !outline.canClose;
    query(host, '[data-do="undo"]', HTMLButtonElement).disabled = !outline.before.length;
    query(host, '[data-do="clear"]', HTMLButtonElement).disabled = !outline.corners;
  }

  /** The drawing changed: the field follows. */
  function changed() {
    field.value = outline.write();
    show();
  }

  /** The field changed: the drawing follows. */
  function readField({ fit = true } = {}) {
    try {
      outline.read(field.value);
    } catch {
      tell(gettext("The GeoJSON below is not understood here; saving tells why."));
      return;
    }
    show();
    const bounds = outline.bounds();
    if (fit && bounds) {
      fitMap(map, bounds);
    }
  }

  /** @type {Record<string, () => void>} */
  const tools = {
    add: () => {
      const middle = map.getCenter();
      outline.add(middle.lng, middle.lat);
    },
    close: () => outline.close(),
    undo: () => outline.undo(),
    clear: () => outline.clear(),
  };
  for (const button of queryAll(host, "[data-do]")) {
    button.addEventListener("click", () => {
      tools[button.dataset.do ?? ""]();
      changed();
    });
  }
  /** @type {Record<string, string>} */
  const keys = { Enter: "add", c: "close", C: "close", Backspace: "undo" };
  container.addEventListener("keydown", (event) => {
    if (event.target !== container || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) {
      return;
    }
    event.preventDefault();
    tools[keys[event.key]]();
    changed();
  });
  map.on("click", (event) => {
    outline.add(event.latlng.lng, event.latlng.lat);
    changed();
  });
  field.addEventListener("change", () => readField());
  fileField.addEventListener("change", async () => {
    const file = fileField.files?.[0];
    if (file) {
      field.value = await file.text();
      readField();
    }
  });
  field.form?.addEventListener("submit", () => {
    if (outline.close()) {
      field.value = outline.write();
    }
    // What was read from the file stands in the field by now, where it may have been changed on the map.
    if (fileField.files?.length && field.value) {
      fileField.value = "";
    }
  });

  readField();
  outline.before.length = 0;
  tell();
  if (!outline.corners && tiles.length) {
    fitMap(map, [
      [Math.min(...tiles.map((box) => box[1])), Math.min(...tiles.map((box) => box[0]))],
      [Math.max(...tiles.map((box) => box[3])), Math.max(...tiles.map((box) => box[2]))],
    ]);
  }
}
