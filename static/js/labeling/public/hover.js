// Squares under the pointer: what they tell, and the legend that goes with them.

import { queryAll } from "../../shared/dom.js";
import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { L } from "../../shared/map.js";
import { cellBounds } from "../releases/data.js";
import { OUTLINES_FROM } from "../releases/layers.js";

const tenths = { maximumFractionDigits: 1, minimumFractionDigits: 1 };

/**
 * Show the sums of the square under the pointer. withHectares: an imported map's squares do not tell any; quiet(): the
 * map is used for something else. Returns at(latlng): the square that is there, null for none.
 * @param {L.Map} map
 * @param {SquaresLayer} squares
 * @param {{withHectares: boolean, quiet: () => boolean}} wishes
 */
export function tellSquares(map, squares, { withHectares, quiet }) {
  const tip = L.tooltip({ className: "map-tip", direction: "top", offset: [0, -6] });
  const [ramp] = queryAll(document, "#legend-ramp");
  /** @type {string | null} */
  let hovered = null;

  /** Without a connection there is none, and the squares themselves say so. @param {L.LatLng} latlng */
  const at = async (latlng) => {
    const cell = map.getZoom() < OUTLINES_FROM ? await squares.at(latlng, map.getZoom()).catch(() => null) : null;
    return cell?.places ? cell : null;
  };
  const leave = () => {
    hovered = null;
    tip.remove();
  };

  map.on("mousemove", async (event) => {
    const found = quiet() ? null : await at(event.latlng);
    map.getContainer().classList.toggle("over-square", Boolean(found));
    if (!found) {
      leave();
      return;
    }
    const key = `${found.level}/${found.x}/${found.y}/${squares.year}`;
    if (key !== hovered) {
      hovered = key;
      const places = interpolate(ngettext("%(count)s place", "%(count)s places", found.places), {
        count: number(found.places),
      });
      const hectares = interpolate(gettext("%(hectares)s ha"), { hectares: number(found.hectares, tenths) });
      const { north, west, east } = cellBounds(found.x, found.y, found.level);
      tip
        .setContent(withHectares ? `${places} · ${hectares}` : places)
        .setLatLng([north, (west + east) / 2])
        .addTo(map);
    }
  });
  map.on("mouseout zoomstart", leave);

  /** The legend tells of squares while there are squares; an imported map's do not differ in hectares. */
  const tellLegend = () => {
    if (ramp) {
      ramp.hidden = map.getZoom() >= OUTLINES_FROM;
    }
  };
  map.on("zoomend", tellLegend);
  tellLegend();
  return at;
}
