// The public map: one release, its squares and outlines, a year, a place, a report.

import { calm, element, pageData } from "../shared/dom.js";
import { day, gettext, interpolate, ngettext, number } from "../shared/i18n.js";
import { L, createMap, fitMap } from "../shared/map.js";
import { copyText } from "../shared/share.js";
import { toastError } from "../shared/toast.js";
import { addressOf, readAddress } from "./map_address.js";
import { ReportPanel } from "./map_report.js";
import { ReleaseData, cellBounds } from "./release_data.js";
import { OUTLINES_FROM, Outlines, SearchedLayer, SquaresLayer } from "./release_layers.js";

const POLISSIA = [[50.8, 25.5], [51.9, 28.5]];
const page = pageData("map-data");
const byId = (id) => document.getElementById(id);
const narrow = window.matchMedia("(max-width: 767px)");
const tenths = { maximumFractionDigits: 1, minimumFractionDigits: 1 };

const whole = { maximumFractionDigits: 0 };

const permalink = (place) => new URL(page.placePage.replace(page.anyPlace, place), window.location.origin).href;
const pictureUrl = (place, size) => `${page.picture.replace(page.anyPlace, place)}?size=${size}`;
const rowsOf = (box) => [[box[1], box[0]], [box[3], box[2]]];

byId("no-script").remove();

// What the reader looks at. The address says the same.
const state = { year: "", place: "" };
let popup = null;
let following = false; // true while the page follows the address instead of leading it

const data = new ReleaseData(page.files);
const map = createMap(byId("map"), {
  label: gettext("Map of places torn up by mining. The list says the same in words."),
  bounds: page.bounds ? rowsOf(page.bounds) : POLISSIA,
  padding: clearOfPanel(),
  zoomPosition: narrow.matches ? "topright" : "bottomright",
  scalePosition: narrow.matches ? "topleft" : "bottomright",
  maxBoundsViscosity: 1,
});
const squares = new SquaresLayer(data).addTo(map);
new SearchedLayer(data).addTo(map);
const outlines = new Outlines(map, data, { pictureUrl, onPress: (feature) => openPlace(feature, { led: true }) });
const report = new ReportPanel(map, { url: page.reports, release: page.release, show: showReport });

/** What lies over the map, so that places are not fitted below it. */
function clearOfPanel() {
  const panel = byId("panel").getBoundingClientRect();
  return narrow.matches
    ? { topLeft: [24, 76], bottomRight: [24, panel.height + 16] }
    : { topLeft: [panel.right + 32, 76], bottomRight: [48, 64] };
}

// The panel -------------------------------------------------------------------------------------

function showReport(open) {
  byId("report-panel").hidden = !open;
  byId("panel-foot").hidden = open;
  byId("overview").hidden = open || Boolean(page.place) || (narrow.matches && Boolean(state.place));
  byId("place-facts").hidden = open || !(page.place || (narrow.matches && state.place));
  document.body.classList.toggle("is-reporting", open);
  unfold(true);
  if (open) {
    closePopup();
    map.panInside(report.mark.getLatLng(), paddingForPan());
  }
}

function paddingForPan() {
  const { topLeft, bottomRight } = clearOfPanel();
  return { paddingTopLeft: topLeft, paddingBottomRight: bottomRight, animate: false };
}

function unfold(open) {
  byId("panel").classList.toggle("is-folded", !open);
  byId("panel-grip").setAttribute("aria-expanded", String(open));
}

byId("panel-grip").hidden = false;
byId("panel-grip").addEventListener("click", () => unfold(byId("panel").classList.contains("is-folded")));

byId("report-button").addEventListener("click", (event) => {
  event.preventDefault();
  const open = state.place && outlines.shown.get(state.place)?.feature;
  const subject = open ? subjectOf(open) : page.place;
  if (subject) {
    report.begin(subject);
  } else {
    const { lat: latitude, lng: longitude } = map.containerPointToLatLng(middleOfView());
    report.begin({ latitude, longitude });
  }
});

function middleOfView() {
  const size = map.getSize();
  const { topLeft, bottomRight } = clearOfPanel();
  return L.point((topLeft[0] + size.x - bottomRight[0]) / 2, (topLeft[1] + size.y - bottomRight[1]) / 2);
}

function subjectOf(feature) {
  const [west, south, east, north] = feature.bbox;
  return { place: feature.id, latitude: (south + north) / 2, longitude: (west + east) / 2 };
}

// Years -----------------------------------------------------------------------------------------

const yearButtons = [...document.querySelectorAll("[data-year]")];
const everything = { hectares: page.hectares, count: byId("count").textContent };

function setYear(year, { led = false } = {}) {
  state.year = yearButtons.some((button) => button.dataset.year === year) ? year : "";
  let chosen = null;
  for (const button of yearButtons) {
    const on = button.dataset.year === state.year;
    button.setAttribute("aria-pressed", String(on));
    button.closest("li").classList.toggle("is-on", on);
    chosen = on ? button : chosen;
  }
  const hectares = chosen ? page.years[state.year] : everything.hectares;
  byId("hectares").textContent = number(hectares, hectares >= 1000 ? whole : tenths);
  byId("count").textContent = chosen ? countOf(chosen.dataset) : everything.count;
  squares.setYear(state.year);
  outlines.setYear(state.year).catch(toastError);
  if (led) {
    lead();
  }
}

function countOf({ places, tiles, year }) {
  const told = interpolate(ngettext("%(count)s place", "%(count)s places", Number(places)), { count: number(places) });
  const looked = interpolate(ngettext("%(count)s image searched", "%(count)s images searched", Number(tiles)), {
    count: number(tiles),
  });
  const when = year === "undated" ? gettext("images without a date") : interpolate(gettext("images of %(year)s"), { year });
  return [told, looked, when].join(" · ");
}

for (const button of yearButtons) {
  button.addEventListener("click", () =>
    setYear(button.dataset.year === state.year ? "" : button.dataset.year, { led: true }),
  );
}

// Places ----------------------------------------------------------------------------------------

function card(feature) {
  const facts = feature.properties;
  const hectares = interpolate(gettext("%(hectares)s ha torn up"), { hectares: number(facts.hectares, tenths) });
  const when = facts.capture_date
    ? interpolate(gettext("Image of %(date)s"), { date: day(facts.capture_date) })
    : gettext("Image of unknown date");
  const picture = facts.picture
    ? element("img", { src: pictureUrl(feature.id, 512), alt: gettext("Satellite image of this place"), width: 300, height: 150 })
    : null;
  if (picture) {
    picture.addEventListener("error", () => picture.remove());
  }
  const tell = () => report.begin(subjectOf(feature));
  return element(
    "div",
    { class: "place-card" },
    picture,
    element(
      "div",
      { class: "place-card__text" },
      element("h2", {}, hectares),
      element("p", {}, `${when}. ${facts.source}.`),
      facts.picture ? null : element("p", { class: "quiet small" }, gettext("The source does not allow showing its images.")),
      element(
        "p",
        { class: "row" },
        element("span", { class: "tag tag--good" }, gettext("approved")),
        element("span", { class: "tag tag--amber" }, interpolate(gettext("in release %(number)s"), { number: page.number })),
      ),
      element(
        "div",
        { class: "place-card__actions" },
        element("button", { type: "button", class: "btn btn--primary btn--small", onclick: tell }, gettext("Report an error here")),
        element(
          "button",
          {
            type: "button",
            class: "btn btn--quiet btn--small",
            onclick: () => copyText(permalink(feature.id), gettext("The link is copied")),
          },
          gettext("Copy the link"),
        ),
      ),
      element("p", { class: "small" }, element("a", { href: permalink(feature.id) }, gettext("All facts of this place"))),
    ),
  );
}

function openPlace(feature, { led = false } = {}) {
  if (report.open) {
    const { latitude, longitude, place } = subjectOf(feature);
    report.moveTo([latitude, longitude]);
    report.place = place;
    return;
  }
  closePopup();
  state.place = feature.id;
  outlines.setChosen(feature.id);
  const middle = L.latLngBounds(rowsOf(feature.bbox)).getCenter();
  if (narrow.matches) {
    const back = element("button", { type: "button", class: "link", onclick: () => closePlace({ led: true }) }, gettext("The whole map"));
    byId("place-facts").replaceChildren(element("p", { class: "back" }, back), card(feature));
    byId("place-facts").hidden = false;
    byId("overview").hidden = true;
    byId("panel-foot").hidden = true;
    unfold(true);
    map.panBy(map.latLngToContainerPoint(middle).subtract(middleOfView()), { animate: !calm() });
  } else {
    const { topLeft } = clearOfPanel();
    popup = L.popup({ minWidth: 300, maxWidth: 300, autoPanPaddingTopLeft: topLeft, autoPanPaddingBottomRight: [24, 24], className: "place-popup" })
      .setLatLng(middle)
      .setContent(card(feature))
      .openOn(map);
  }
  if (led) {
    lead();
  }
}

function closePopup() {
  const open = popup;
  popup = null;
  if (open) {
    open.remove();
  }
}

function closePlace({ led = false } = {}) {
  closePopup();
  state.place = "";
  outlines.setChosen(page.place ? page.place.place : "");
  if (narrow.matches && !report.open) {
    byId("overview").hidden = Boolean(page.place);
    byId("place-facts").hidden = !page.place;
    byId("panel-foot").hidden = false;
  }
  if (led) {
    lead();
  }
}

map.on("popupclose", (event) => {
  if (event.popup === popup) {
    popup = null;
    closePlace({ led: true });
  }
});

async function openPlaceNamed(id) {
  await outlines.refresh();
  const known = outlines.shown.get(id);
  if (known) {
    openPlace(known.feature);
  }
}

// The map ---------------------------------------------------------------------------------------

map.on("click", async (event) => {
  if (report.open) {
    report.moveTo(event.latlng);
    return;
  }
  if (map.getZoom() >= OUTLINES_FROM) {
    return;
  }
  const cell = await squares.at(event.latlng, map.getZoom());
  if (cell && cell.places) {
    const { south, west, north, east } = cellBounds(cell.x, cell.y, cell.level);
    fitMap(map, [[south, west], [north, east]], clearOfPanel());
  }
});

const tip = L.tooltip({ className: "map-tip", direction: "top", offset: [0, -6] });
let hovered = null;
map.on("mousemove", async (event) => {
  const cell = map.getZoom() < OUTLINES_FROM && !report.open ? await squares.at(event.latlng, map.getZoom()) : null;
  const found = cell && cell.places ? cell : null;
  map.getContainer().classList.toggle("over-square", Boolean(found));
  if (!found) {
    hovered = null;
    tip.remove();
    return;
  }
  const key = `${found.level}/${found.x}/${found.y}/${state.year}`;
  if (key !== hovered) {
    hovered = key;
    const places = interpolate(ngettext("%(count)s place", "%(count)s places", found.places), { count: number(found.places) });
    const { north, west, east } = cellBounds(found.x, found.y, found.level);
    tip
      .setContent(`${places} · ${interpolate(gettext("%(hectares)s ha"), { hectares: number(found.hectares, tenths) })}`)
      .setLatLng([north, (west + east) / 2])
      .addTo(map);
  }
});
map.on("mouseout zoomstart", () => {
  hovered = null;
  tip.remove();
});

const ground = map.getContainer();
ground.addEventListener("pointerdown", () => ground.classList.add("by-pointer"));
ground.addEventListener("keydown", () => ground.classList.remove("by-pointer"));

// The address -----------------------------------------------------------------------------------

/** A new entry of the history: the back button takes it back. */
function lead() {
  if (!following) {
    window.history.pushState(null, "", addressOf(map, state));
  }
}

map.on("moveend", () => {
  if (!following && document.body.dataset.ready) {
    window.history.replaceState(null, "", addressOf(map, state));
  }
});

async function follow() {
  following = true;
  try {
    const { view, year, place } = readAddress();
    if (view) {
      map.setView([view.latitude, view.longitude], view.zoom, { animate: false });
    } else if (page.place) {
      fitMap(map, rowsOf(page.place.tile), clearOfPanel());
    }
    setYear(year);
    if (place) {
      await openPlaceNamed(place);
    } else if (state.place) {
      closePlace();
    }
    outlines.setChosen(state.place || (page.place ? page.place.place : ""));
  } finally {
    following = false;
  }
}

window.addEventListener("popstate", () => follow().catch(toastError));

// The language form leads back to this page: the fragment of its address survives the redirect.
for (const form of document.querySelectorAll("form.language")) {
  const action = form.getAttribute("action");
  form.addEventListener("submit", () => form.setAttribute("action", action + window.location.hash));
}

follow()
  .catch(toastError)
  .finally(() => {
    document.body.dataset.ready = "true";
  });
