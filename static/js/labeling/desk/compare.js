// The same ground on another date: the other picture lies over the tile's, right of a divider that one drags or moves
// with the arrow keys.

import { byId, query } from "../../shared/dom.js";
import { day, gettext, interpolate, number } from "../../shared/i18n.js";
import { L } from "../../shared/map.js";
import { toastError } from "../../shared/toast.js";
import { panel } from "./panel.js";
import { fetchPicture, SHARP } from "../tile/pictures.js";
import { boundsOf } from "./surroundings.js";

const PANE = "other-date";
const STEP = 2; // percent of the stage an arrow key moves the divider
const PAGE = 10;

const named = (/** @type {string | null} */ date) => (date ? day(date) : gettext("date not known"));

export class Compare {
  /** @param {DeskParts} parts */
  constructor({ session, stage }) {
    this.session = session;
    this.stage = stage;
    this.box = byId("compare");
    this.divider = byId("divider");
    this.choice = byId("date-other", HTMLSelectElement);
    this.button = query(document, '[data-do="dates"]', HTMLButtonElement);
    /** @type {OtherDate[]} */
    this.dates = [];
    this.at = 50; // percent of the stage's width
    /** @type {L.ImageOverlay | null} */
    this.overlay = null;
    this.turn = 0;
    const pane = stage.map.createPane(PANE);
    pane.style.zIndex = "250";
    pane.style.pointerEvents = "none";
    stage.map.on("move zoom zoomend moveend resize", () => this.#cut());
    this.choice.addEventListener("change", () => this.#fetch());
    session.addEventListener("leave", () => this.close());
    this.#wireDivider();
    this.setDates([]);
  }

  get isOpen() {
    return !this.box.hidden;
  }

  /** Other pictures of the ground of the open tile, newest first. @param {OtherDate[]} dates */
  setDates(dates) {
    this.dates = dates;
    this.button.disabled = !dates.length;
    this.choice.replaceChildren(...dates.map((date, index) => new Option(named(date.capture_date), String(index))));
    // One date needs no choosing, but its name is to be read.
    this.choice.disabled = dates.length < 2;
  }

  toggle() {
    if (this.isOpen) {
      this.close();
    } else if (this.dates.length && this.session.current) {
      this.box.hidden = false;
      panel.pressed("dates", true);
      byId("date-here").textContent = named(this.session.current.tile.capture_date);
      this.#move(50);
      this.#fetch();
      this.divider.focus({ preventScroll: true });
    }
  }

  close() {
    this.turn += 1;
    if (this.isOpen) {
      this.box.hidden = true;
      panel.pressed("dates", false);
    }
    this.#clear();
  }

  #clear() {
    if (this.overlay) {
      URL.revokeObjectURL(this.overlay.getElement()?.src ?? "");
      this.overlay.remove();
      this.overlay = null;
    }
  }

  async #fetch() {
    this.turn += 1;
    const mine = this.turn;
    const date = this.dates[Number(this.choice.value)];
    try {
      const picture = await fetchPicture(date.image, SHARP);
      if (mine !== this.turn) {
        URL.revokeObjectURL(picture.src);
        return;
      }
      this.#clear();
      this.overlay = L.imageOverlay(picture, boundsOf(date.box), {
        pane: PANE,
        className: "desk__picture-other",
      }).addTo(this.stage.map);
      this.#cut();
    } catch (error) {
      if (mine === this.turn) {
        this.close();
        toastError(error);
      }
    }
  }

  /** @param {number} percent */
  #move(percent) {
    this.at = Math.min(Math.max(percent, 0), 100);
    // At either end the handle still lies wholly on the stage.
    this.divider.style.left = `clamp(24px, ${this.at}%, calc(100% - 24px))`;
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.at)));
    this.divider.setAttribute(
      "aria-valuetext",
      interpolate(gettext("%(percent)s %% of the width"), { percent: number(Math.round(this.at)) }),
    );
    this.#cut();
  }

  /** Leave of the other picture what lies right of the divider and on the tile. */
  #cut() {
    const { map, bounds } = this.stage;
    const picture = this.overlay?.getElement();
    if (!this.overlay || !picture || !bounds || !this.isOpen) {
      return;
    }
    const corner = (/** @type {L.LatLng} */ latLng) => map.latLngToContainerPoint(latLng);
    const own = this.overlay.getBounds();
    const [from, to] = [corner(own.getNorthWest()), corner(own.getSouthEast())];
    const [left, right] = [corner(bounds.getNorthWest()), corner(bounds.getSouthEast())];
    const edge = Math.max((map.getSize().x * this.at) / 100, left.x);
    const inset = [left.y - from.y, to.x - right.x, to.y - right.y, edge - from.x].map((cut) => Math.max(0, cut));
    picture.style.clipPath = `inset(${inset.map((cut) => `${cut}px`).join(" ")})`;
  }

  #wireDivider() {
    const { divider } = this;
    divider.addEventListener("pointerdown", (event) => {
      if (event.button === 0) {
        divider.setPointerCapture(event.pointerId);
        divider.focus({ preventScroll: true });
        event.preventDefault();
      }
    });
    divider.addEventListener("pointermove", (event) => {
      if (divider.hasPointerCapture(event.pointerId)) {
        const { left, width } = this.box.getBoundingClientRect();
        this.#move((100 * (event.clientX - left)) / width);
      }
    });
    divider.addEventListener("keydown", (event) => {
      /** @type {Record<string, number>} */
      const ways = {
        ArrowLeft: this.at - STEP,
        ArrowDown: this.at - STEP,
        ArrowRight: this.at + STEP,
        ArrowUp: this.at + STEP,
        PageDown: this.at - PAGE,
        PageUp: this.at + PAGE,
        Home: 0,
        End: 100,
      };
      const to = ways[event.key];
      if (to !== undefined) {
        event.preventDefault();
        event.stopPropagation();
        this.#move(to);
      }
    });
  }
}
