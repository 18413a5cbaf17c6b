// The public map: one release, its squares and outlines, a year, a place, a report.

import { byId, calm, element, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { L, cornersOf, createMap, fitMap } from "../../shared/map.js";
import { toastError } from "../../shared/toast.js";
import { addressOf, readAddress } from "./address.js";
import { Districts } from "./districts.js";
import { keepLegend } from "./legend.js";
import { clearOfPanel, data, narrow, page } from "./start.js";
import { YearChoice } from "./years.js";
import { cellBounds } from "../releases/data.js";
import { Outlines, SearchedLayer, SquaresLayer } from "../releases/layers.js";

/** @type {Box} */
const POLISSIA = [25.5, 50.8, 28.5, 51.9];
const tenths = { maximumFractionDigits: 1, minimumFractionDigits: 1 };

const PLACE_ZOOM = 15;
const NAME_ZOOM = 14;
const whole = { maximumFractionDigits: 0 };

const permalink = (/** @type {string} */ place) =>
  new URL(page.placePage.replace(page.anyPlace, place), window.location.href.replace(/[?#].*/, "")).href;
const pictureUrl = (/** @type {string} */ place, /** @type {number} */ size) =>
  `${page.picture.replace(page.anyPlace, place)}?size=${size}`;

byId("no-script").remove();

// What the reader looks at. The address says the same.
const state = { year: "", district: "", place: "" };
/** @type {L.Popup | null} */
let popup = null;
let following = false; // true while the page follows the address instead of leading it
let followed = 0; // which address is followed: an earlier one, still loading, gives way

const map = createMap(byId("map"), {
  label: gettext("Map of mining sites. The list says the same in words."),
  bounds: cornersOf(page.bounds ?? POLISSIA),
  padding: clearOfPanel(),
  zoomPosition: narrow.matches ? "topright" : "bottomright",
  scalePosition: narrow.matches ? "topleft" : "bottomright",
  maxBoundsViscosity: 1,
});
const squares = new SquaresLayer(data).addTo(map);
new SearchedLayer(data).addTo(map);
const outlines = new Outlines(map, data, {
  pictureUrl,
  onPress: (feature) => openPlace(feature, { led: true }).catch(toastError),
});
/** @type {ReportPanel | null} */
let report = null; // made when somebody first reports something

// The panel -------------------------------------------------------------------------------------

/** @param {boolean} open */
function showReport(open) {
  byId("report-panel").hidden = !open;
  byId("panel-foot").hidden = open;
  byId("overview").hidden = open || Boolean(page.place) || (narrow.matches && Boolean(state.place));
  byId("place-facts").hidden = open || !(page.place || (narrow.matches && state.place));
  document.body.classList.toggle("is-reporting", open);
  unfold(true);
  if (open && report?.mark) {
    closePopup();
    const { topLeft, bottomRight } = clearOfPanel();
    map.panInside(report.mark.getLatLng(), {
      paddingTopLeft: topLeft,
      paddingBottomRight: bottomRight,
      animate: false,
    });
  }
}

/** @param {Subject} subject */
async function tell(subject) {
  if (!page.reports) {
    // A copy on a plain file server (export_map): the site itself takes reports.
    const site = new URL(byId("report-button", HTMLAnchorElement).href);
    for (const [name, value] of Object.entries(subject)) {
      if (name !== "pointed") {
        site.searchParams.set(name, String(value));
      }
    }
    window.location.assign(site.href);
    return;
  }
  try {
    const { ReportPanel } = await import("../reports/panel.js");
    report ??= new ReportPanel(map, { url: page.reports, release: page.release, show: showReport });
    report.begin(subject);
  } catch (error) {
    toastError(error);
  }
}

/** @param {boolean} open */
function unfold(open) {
  byId("panel").classList.toggle("is-folded", !open);
  byId("panel-grip").setAttribute("aria-expanded", String(open));
}

const { place: shownPlace } = page;
if (shownPlace) {
  placeCards()
    .then(({ cutAround }) => {
      const [picture = null] = queryAll(document, ".place-picture", HTMLImageElement);
      cutAround(picture, shownPlace.tile, shownPlace.latitude);
    })
    .catch(toastError);
  document
    .getElementById("compare-dates")
    ?.addEventListener("click", () => compareDates(shownPlace.place, shownPlace).catch(toastError));
}
byId("panel-grip").hidden = false;
byId("panel-grip").addEventListener("click", () => unfold(byId("panel").classList.contains("is-folded")));

// A long press on a phone, the other button of a mouse: "here".
map.on("contextmenu", ({ latlng }) => {
  if (report?.open) {
    report.moveTo(latlng);
  } else {
    const { lat: latitude, lng: longitude } = latlng.wrap();
    tell({ latitude, longitude, pointed: true });
  }
});

byId("report-button").addEventListener("click", (event) => {
  event.preventDefault();
  const open = outlines.shown.get(state.place)?.feature;
  if (open) {
    tell(subjectOf(open));
  } else if (shownPlace) {
    const { place, latitude, longitude } = shownPlace;
    tell({ place, latitude, longitude });
  } else {
    const { lat: latitude, lng: longitude } = map.containerPointToLatLng(middleOfView());
    tell({ latitude, longitude });
  }
});

function middleOfView() {
  const size = map.getSize();
  const { topLeft, bottomRight } = clearOfPanel();
  return L.point((topLeft[0] + size.x - bottomRight[0]) / 2, (topLeft[1] + size.y - bottomRight[1]) / 2);
}

// Its buttons zoom into the middle of what is seen, which on a phone is not the middle of the map.
map.zoomIn = (steps = 1, options) => map.setZoomAround(middleOfView(), map.getZoom() + steps, options);
map.zoomOut = (steps = 1, options) => map.setZoomAround(middleOfView(), map.getZoom() - steps, options);

window.addEventListener("beforeprint", () => {
  const { x, y } = middleOfView();
  const { style } = map.getContainer();
  style.setProperty("--middle-x", `${x}px`);
  style.setProperty("--middle-y", `${y}px`);
});

/** @param {PlaceFeature} feature */
function subjectOf(feature) {
  const [west, south, east, north] = feature.bbox;
  return { place: feature.id, latitude: (south + north) / 2, longitude: (west + east) / 2 };
}

// Years and districts ---------------------------------------------------------------------------

const everything = { hectares: page.hectares, count: byId("count").textContent };
const years = new YearChoice({ choose: (year, { step = false } = {}) => setYear(year, { led: true, step }) });
const districts = new Districts(map, data, {
  figures: page.districts,
  choose: (name) => setDistrict(name, { led: true }).catch(toastError),
});

/** @param {string} year @param {{led?: boolean, step?: boolean}} how */
function setYear(year, { led = false, step = false } = {}) {
  state.year = years.has(year) ? year : "";
  tellFigures();
  districts.setYear(state.year);
  squares.setYear(state.year);
  outlines.setYear(state.year).catch(toastError);
  const legend = document.getElementById("legend-searched");
  if (legend) {
    // which images of the searched ground are of the year, no file tells
    legend.hidden = Boolean(state.year);
    byId("legend-searched-ever").hidden = !state.year;
  }
  if (led) {
    lead({ step });
  }
}

/** @param {string} name @param {{led?: boolean}} how */
async function setDistrict(name, { led = false } = {}) {
  state.district = name;
  tellFigures();
  const bounds = await districts.setChosen(name);
  if (led && state.district === name) {
    lead();
    if (bounds) {
      fitMap(map, bounds, clearOfPanel());
    }
  }
}

/** The figure and the line below it: of all, of a year, of a district, of a district in a year. */
function tellFigures() {
  const { year, district } = state;
  const ofYear = page.years[year];
  const found =
    (district && districts.sums(district, year)) || (district && { label: district, hectares: 0, places: 0 });
  const { hectares } = found || ofYear || everything;
  if (hectares !== null && page.hectares !== null) {
    // an imported map does not tell any
    byId("hectares").textContent = number(hectares, hectares >= 1000 ? whole : tenths);
  }
  const when =
    year === "undated" ? gettext("images without a date") : interpolate(gettext("images of %(year)s"), { year });
  if (found) {
    byId("count").textContent = [found.label, placesText(found.places), year && when].filter(Boolean).join(" · ");
  } else if (ofYear) {
    const looked = interpolate(ngettext("%(count)s image searched", "%(count)s images searched", ofYear.tiles), {
      count: number(ofYear.tiles),
    });
    byId("count").textContent = [placesText(ofYear.places), looked, when].join(" · ");
  } else {
    byId("count").textContent = everything.count;
  }
  years.show(year, (ofYear || everything).hectares);
}

/** @param {number} places */
function placesText(places) {
  return interpolate(ngettext("%(count)s place", "%(count)s places", places), { count: number(places) });
}

// Search ----------------------------------------------------------------------------------------

const foundMark = L.layerGroup().addTo(map); // on the ground of what was searched for

/** @param {SearchChoice} choice */
async function go(choice) {
  foundMark.clearLayers();
  const { kind, label, name = "", id = "", latitude = 0, longitude = 0 } = choice;
  if (kind === "district") {
    await setDistrict(name, { led: true });
  } else if (kind === "place") {
    // Whatever year was chosen: the place that was asked for is to be seen.
    setYear("");
    map.setView([latitude, longitude], PLACE_ZOOM, { animate: false });
    await openPlaceNamed(id);
    lead();
  } else {
    if (state.place) {
      closePlace(); // the panel tells no longer of a place elsewhere
    }
    map.setView([latitude, longitude], kind === "name" ? NAME_ZOOM : PLACE_ZOOM, { animate: false });
    map.panBy(map.latLngToContainerPoint([latitude, longitude]).subtract(middleOfView()), { animate: false });
    const { markOf } = await import("./search.js");
    markOf({ latitude, longitude, label }).addTo(foundMark);
  }
}

// What few readers use comes when it is first used: the first view stays light.
const searchField = byId("search-field");
const searchOpener = byId("search-open");
/** @type {Promise<unknown> | null} */
let search = null;

function wakeSearch() {
  search ??= import("./search.js").then(
    ({ MapSearch }) => new MapSearch(data, { go: (choice) => go(choice).catch(toastError) }),
  );
  return search;
}

byId("search").hidden = false;
searchOpener.hidden = false;
searchField.addEventListener("focus", () => wakeSearch().catch(toastError));
searchOpener.addEventListener("click", () => {
  document.body.classList.add("is-searching");
  searchOpener.setAttribute("aria-expanded", "true");
  searchField.focus();
});

// Places ----------------------------------------------------------------------------------------

/** Cards come after the first view, which holds none. */
function placeCards() {
  return import("./card.js");
}

/** @param {PlaceFeature} feature */
async function cardOf(feature) {
  const { placeCard } = await placeCards();
  return placeCard(feature, {
    number: page.number,
    permalink: permalink(feature.id),
    picture: pictureUrl(feature.id, 512),
    report: () => tell(subjectOf(feature)),
    compare: () => compareDates(feature.id, feature.properties).catch(toastError),
  });
}

/** @param {string} id @param {PlaceFacts} facts */
async function compareDates(id, { capture_date, tile, dates }) {
  const { openSwipe } = await import("./swipe.js");
  openSwipe({
    here: { capture_date, tile, picture: pictureUrl(id, 1000) },
    dates: (dates ?? []).map((date) => ({ ...date, picture: pictureUrl(date.place, 1000) })),
  });
}

/** @param {PlaceFeature} feature @param {{led?: boolean}} how */
async function openPlace(feature, { led = false } = {}) {
  if (report?.open) {
    const { latitude, longitude, place } = subjectOf(feature);
    report.moveTo([latitude, longitude]);
    report.place = place;
    return;
  }
  closePopup();
  state.place = feature.id;
  outlines.setChosen(feature.id);
  if (led) {
    lead();
  }
  const card = await cardOf(feature);
  if (state.place !== feature.id) {
    return; // another was opened, or this one closed, while the card came
  }
  closePopup(); // the same place, pressed twice
  const middle = L.latLngBounds(cornersOf(feature.bbox)).getCenter();
  if (narrow.matches) {
    const back = element(
      "button",
      { type: "button", class: "link", onclick: () => closePlace({ led: true }) },
      gettext("The whole map"),
    );
    byId("place-facts").replaceChildren(element("p", { class: "back" }, back), card);
    byId("place-facts").hidden = false;
    byId("overview").hidden = true;
    byId("panel-foot").hidden = true;
    unfold(true);
    map.panBy(map.latLngToContainerPoint(middle).subtract(middleOfView()), { animate: !calm() });
  } else {
    popup = L.popup({ minWidth: 300, maxWidth: 300, autoPan: false, className: "place-popup" })
      .setLatLng(middle)
      .setContent(card)
      .openOn(map);
    // Not by Leaflet's autoPan, which always glides: who followed a link may press a button while it moves away.
    const { topLeft } = clearOfPanel();
    const { width, height } = /** @type {HTMLElement} */ (popup.getElement()).getBoundingClientRect();
    map.panInside(middle, {
      paddingTopLeft: [topLeft[0] + width / 2, topLeft[1] + height],
      paddingBottomRight: [24 + width / 2, 24],
      animate: led && !calm(),
    });
  }
}

function closePopup() {
  const open = popup;
  popup = null;
  if (open) {
    open.remove();
  }
}

/** @param {{led?: boolean}} how */
function closePlace({ led = false } = {}) {
  closePopup();
  state.place = "";
  outlines.setChosen(page.place ? page.place.place : "");
  if (narrow.matches && !report?.open) {
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

/** @param {string} id @param {() => boolean} wanted */
async function openPlaceNamed(id, wanted = () => true) {
  await outlines.refresh();
  const known = outlines.shown.get(id);
  if (known && wanted()) {
    await openPlace(known.feature);
  }
}

// The map ---------------------------------------------------------------------------------------

map.on("click", async (event) => {
  if (report?.open) {
    report.moveTo(event.latlng);
    return;
  }
  const cell = await squares.under(event.latlng);
  if (cell) {
    const { south, west, north, east } = cellBounds(cell.x, cell.y, cell.level);
    fitMap(map, cornersOf([west, south, east, north]), clearOfPanel());
  }
});

/** @type {Promise<(event: L.LeafletMouseEvent) => void> | null} */
let tip = null; // made when a pointer first comes: phones have none
map.on("mousemove", (event) => {
  const wishes = { withHectares: page.hectares !== null, quiet: () => Boolean(report?.open) };
  tip ??= import("./hover.js").then(({ squareTip }) => squareTip(map, squares, wishes));
  tip
    .then((tell) => tell(event))
    .catch(() => {
      tip = null; // asked for again with the next move
    });
});

keepLegend(map, squares);

// The address -----------------------------------------------------------------------------------

/**
 * A new entry of the history: the back button takes it back. The steps of a slider, one after another, share one.
 * @param {{step?: boolean}} how
 */
function lead({ step = false } = {}) {
  if (following) {
    return;
  }
  if (step && window.history.state?.step) {
    window.history.replaceState({ step }, "", addressOf(map, state));
  } else {
    window.history.pushState(step ? { step } : null, "", addressOf(map, state));
  }
}

map.on("moveend", () => {
  if (!following && document.body.dataset.ready) {
    window.history.replaceState(window.history.state, "", addressOf(map, state));
  }
});

async function follow() {
  followed += 1;
  const mine = followed;
  const wanted = () => mine === followed;
  following = true;
  try {
    const { view, year, district, place } = readAddress();
    if (view) {
      map.setView([view.latitude, view.longitude], view.zoom, { animate: false });
    } else if (page.place) {
      fitMap(map, cornersOf(page.place.tile), clearOfPanel());
    }
    setYear(year);
    if (district !== state.district) {
      await setDistrict(district);
    }
    if (!wanted()) {
      return;
    }
    if (place) {
      await openPlaceNamed(place, wanted);
    } else if (state.place) {
      closePlace();
    }
    if (wanted()) {
      outlines.setChosen(state.place || (page.place ? page.place.place : ""));
    }
  } finally {
    if (wanted()) {
      following = false;
    }
  }
}

window.addEventListener("popstate", () => follow().catch(toastError));

// The language form leads back to this page: the fragment of its address survives the redirect.
for (const form of queryAll(document, "form.language")) {
  const action = form.getAttribute("action");
  form.addEventListener("submit", () => form.setAttribute("action", action + window.location.hash));
}

follow()
  .catch(toastError)
  .finally(() => {
    document.body.dataset.ready = "true";
    placeCards().catch(() => {}); // asked for again, with a sentence, when a place is opened
  });
