// What the map tells of one place: in a popup beside it, on a phone in the sheet.

import { element } from "../../shared/dom.js";
import { day, gettext, interpolate, number } from "../../shared/i18n.js";
import { copyText } from "../../shared/share.js";

const tenths = { maximumFractionDigits: 1, minimumFractionDigits: 1 };

/**
 * The frame is wider than the tile, whose picture is cut above and below: what is kept lies around `latitude`.
 * tile: [west, south, east, north]; where the files do not tell it, the middle is kept.
 * @param {HTMLImageElement | null} picture
 * @param {Box | null} tile
 * @param {number} latitude
 */
export function cutAround(picture, tile, latitude) {
  if (picture && tile) {
    const [, south, , north] = tile;
    const from = (north - latitude) / (north - south); // 0 at the upper edge
    // Half of the height is about what the frame shows; object-position is the share of what is cut away above it.
    const above = Math.min(Math.max((from - 0.25) / 0.5, 0), 1);
    picture.style.objectPosition = `50% ${Math.round(100 * above)}%`;
  }
}

/**
 * feature: of a ground file. report() begins a report about it, compare() opens its other dates.
 * @param {PlaceFeature} feature
 * @param {CardFacts} card
 */
export function placeCard(feature, { number: release, permalink, picture, report, compare }) {
  const facts = feature.properties;
  const imported = facts.hectares === null; // a square around what was found: how much of it is mined nobody knows
  const hectares =
    facts.hectares === null
      ? gettext("A square of the imported map")
      : interpolate(gettext("Mined area: %(hectares)s ha"), { hectares: number(facts.hectares, tenths) });
  const when = facts.capture_date
    ? interpolate(gettext("Image of %(date)s"), { date: day(facts.capture_date) })
    : gettext("Image of unknown date");
  const shown = facts.picture
    ? element("img", { src: picture, alt: gettext("Satellite image of this place"), width: 300, height: 150 })
    : null;
  shown?.addEventListener("error", () => shown.remove());
  cutAround(shown, facts.tile, (feature.bbox[1] + feature.bbox[3]) / 2);
  const dates = facts.picture ? facts.dates || [] : [];
  return element(
    "div",
    { class: "place-card" },
    shown,
    element(
      "div",
      { class: "place-card__text" },
      element("h2", {}, hectares),
      element("p", {}, `${when} · ${facts.source}`),
      facts.picture || imported
        ? null
        : element("p", { class: "quiet small" }, gettext("The source does not allow showing its images.")),
      dates.length
        ? element(
            "p",
            { class: "small" },
            element(
              "button",
              { type: "button", class: "link", onclick: compare },
              gettext("Compare with another date"),
            ),
          )
        : null,
      element(
        "p",
        { class: "row" },
        imported
          ? null
          : element(
              "span",
              { class: "tag tag--good" },
              facts.corrected ? gettext("outline corrected by an expert") : gettext("approved"),
            ),
        element(
          "span",
          { class: "tag tag--amber" },
          interpolate(gettext("in release %(number)s"), { number: release ?? "" }),
        ),
      ),
      element(
        "div",
        { class: "place-card__actions" },
        element(
          "button",
          { type: "button", class: "btn btn--primary btn--small", onclick: report },
          gettext("Report an error here"),
        ),
        element(
          "button",
          {
            type: "button",
            class: "btn btn--quiet btn--small",
            onclick: () => copyText(permalink, gettext("The link is copied")),
          },
          gettext("Copy the link"),
        ),
      ),
      element("p", { class: "small" }, element("a", { href: permalink }, gettext("All facts of this place"))),
    ),
  );
}
