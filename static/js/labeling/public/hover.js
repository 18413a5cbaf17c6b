// What the square under the pointer tells.

import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { L } from "../../shared/map.js";
import { cellBounds } from "../releases/data.js";

const tenths = { maximumFractionDigits: 1, minimumFractionDigits: 1 };

/**
 * Returns what tells of the square at a mouse's event, until the pointer leaves the map.
 * withHectares: an imported map's squares do not tell any; quiet(): the map is used for something else.
 * @param {L.Map} map
 * @param {SquaresLayer} squares
 * @param {{withHectares: boolean, quiet: () => boolean}} wishes
 */
export function squareTip(map, squares, { withHectares, quiet }) {
  const tip = L.tooltip({ className: "map-tip", direction: "top", offset: [0, -6] });
  /** @type {string | null} */
  let hovered = null;
  const leave = () => {
    hovered = null;
    tip.remove();
  };

  map.on("mouseout zoomstart", leave);

  /** @param {L.LeafletMouseEvent} event */
  return async (event) => {
    const found = quiet() ? null : await squares.under(event.latlng);
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
  };
}
