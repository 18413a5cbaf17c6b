// The legend of the public map: it tells of squares while there are squares, and how many hectares the darkest holds.

import { byId, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, number } from "../../shared/i18n.js";
import { OUTLINES_FROM } from "../releases/layers.js";

/**
 * An imported map's squares do not differ in hectares: its legend has no line for them.
 * @param {L.Map} map
 * @param {SquaresLayer} squares
 */
export function keepLegend(map, squares) {
  const [ramp] = queryAll(document, "#legend-ramp");
  const tell = async () => {
    const zoom = map.getZoom();
    ramp.hidden = zoom >= OUTLINES_FROM;
    if (!ramp.hidden) {
      // Without a connection there are no squares, and they say so themselves.
      const most = await squares.most(zoom).catch(() => 0);
      byId("legend-most").textContent = interpolate(gettext("%(hectares)s ha"), {
        hectares: number(most, { maximumFractionDigits: 1, minimumFractionDigits: 1 }),
      });
    }
  };
  if (ramp) {
    map.on("zoomend", tell);
    tell();
  }
}
