// The same ground on two dates, one picture over the other: a divider that one drags or moves with the arrow keys.

import { element } from "../../shared/dom.js";
import { day, gettext, interpolate, number } from "../../shared/i18n.js";

const named = (/** @type {string | null} */ date) => (date ? day(date) : gettext("unknown date"));

/**
 * Opens the comparison as a dialog. here: {capture_date, tile: [w, s, e, n], picture: url}; dates: [{capture_date, bounds,
 * picture: url}], newest first.
 * @param {SwipeImages} images
 */
export function openSwipe({ here, dates }) {
  const [west, south, east, north] = here.tile;
  const base = element("img", {
    src: here.picture,
    alt: interpolate(gettext("Image of %(date)s"), { date: named(here.capture_date) }),
  });
  const other = element("img", { class: "swipe__other", alt: "" });
  const over = element("div", { class: "swipe__over" }, other);
  const line = element("span", { class: "swipe__line", "aria-hidden": "true" });
  const slider = element("input", {
    type: "range",
    class: "swipe__slider",
    min: 0,
    max: 100,
    step: 1,
    value: 50,
    autofocus: true,
    "aria-label": gettext("Divider between the two images"),
  });
  const left = element("span", { class: "swipe__date" });
  const right = element("span", { class: "swipe__date swipe__date--other" });
  const stage = element("div", { class: "swipe" }, base, over, line, left, right, slider);
  const problem = element(
    "p",
    { class: "notice notice--error", role: "alert", hidden: true },
    gettext("The other image could not be loaded."),
  );
  const choice = element(
    "select",
    { id: "swipe-choice" },
    dates.map((date, index) => new Option(named(date.capture_date), String(index))),
  );
  const chooser =
    dates.length > 1
      ? element(
          "p",
          { class: "field swipe__choice" },
          element("label", { for: "swipe-choice" }, gettext("Compare with the image of")),
          choice,
        )
      : null;
  const dialog = element(
    "dialog",
    { class: "dialog dialog--wide swipe-dialog", "aria-labelledby": "swipe-title" },
    element(
      "form",
      { method: "dialog", class: "swipe__head" },
      element("h2", { id: "swipe-title" }, gettext("Two dates of the same ground")),
      element("button", { class: "btn btn--quiet btn--small" }, gettext("Close")),
    ),
    chooser,
    problem,
    stage,
    element("p", { class: "quiet small" }, gettext("Drag over the picture, or move the divider with the arrow keys.")),
  );

  const chosen = () => dates[Number(choice.value) || 0];
  // Before stands left of after, as one reads.
  const otherIsBefore = () => {
    const { capture_date: other } = chosen();
    return Boolean(here.capture_date && other && other < here.capture_date);
  };
  const move = () => {
    const at = Number(slider.value);
    const [before, after] = otherIsBefore() ? [chosen(), here] : [here, chosen()];
    line.style.left = `${at}%`;
    over.style.clipPath = otherIsBefore() ? `inset(0 ${100 - at}% 0 0)` : `inset(0 0 0 ${at}%)`;
    left.textContent = named(before.capture_date);
    right.textContent = named(after.capture_date);
    slider.setAttribute(
      "aria-valuetext",
      interpolate(gettext("%(percent)s %% of the width shows the image of %(date)s"), {
        percent: number(at),
        date: named(before.capture_date),
      }),
    );
  };
  const show = () => {
    const date = chosen();
    const [otherWest, otherSouth, otherEast, otherNorth] = date.bounds;
    const width = east - west;
    const height = north - south;
    problem.hidden = true;
    other.src = date.picture;
    other.alt = interpolate(gettext("Image of %(date)s"), { date: named(date.capture_date) });
    // Over a few hundred metres degrees are straight: the other image lies where its ground lies.
    other.style.left = `${(100 * (otherWest - west)) / width}%`;
    other.style.top = `${(100 * (north - otherNorth)) / height}%`;
    other.style.width = `${(100 * (otherEast - otherWest)) / width}%`;
    other.style.height = `${(100 * (otherNorth - otherSouth)) / height}%`;
    move();
  };
  other.addEventListener("error", () => {
    problem.hidden = false;
  });
  slider.addEventListener("input", move);
  choice.addEventListener("change", show);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) {
      dialog.close();
    }
  });
  document.body.append(dialog);
  show();
  dialog.showModal();
  slider.focus();
}
