// What lies under the paint: the classifier's suggestions, superpixels that nobody needs to label any more, and those
// about which an expert is asked. A painted superpixel shows its paint alone.

import { colour } from "../../shared/map.js";
import { Hatch } from "../tile/hatch.js";
import { Plane } from "../tile/plane.js";

const STORED = "amber-desk-suggestions";

/**
 * What the classifier would say of a superpixel, or null where nothing is suggested.
 * @param {Current} current
 * @param {number} superpixel
 * @returns {"mining" | "not_mining" | null}
 */
export function suggested({ tile }, superpixel) {
  const told = tile.suggestions;
  const probability = told?.probabilities[superpixel - 1];
  if (!told || probability === undefined) {
    return null;
  }
  return probability >= told.threshold ? "mining" : "not_mining";
}

/** @type {(current: Current, superpixel: number) => boolean} */
const isSettled = ({ tile }, superpixel) => tile.settled.includes(superpixel);

/**
 * Whether a superpixel is one of "the rest" of a tile as far as nothing is said of it: not what is settled, and for an
 * expert who decides only what is asked.
 * @type {(current: Current, superpixel: number, deciding: boolean) => boolean}
 */
export const isOfTheRest = (current, superpixel, deciding) =>
  deciding ? current.tile.escalated.includes(superpixel) : !isSettled(current, superpixel);

/** The superpixels of "the rest" that are not painted. @param {Current} current @param {boolean} deciding */
export function restOf(current, deciding) {
  return current.reading.filter(
    (superpixel) => !current.painting.labels[superpixel] && isOfTheRest(current, superpixel, deciding),
  );
}

export class Notes {
  /** @param {DeskParts} parts */
  constructor({ stage, session }) {
    this.stage = stage;
    this.session = session;
    const host = stage.element;
    this.hatches = {
      mining: new Hatch("rising", colour("--edge-mining", host), { weight: 2, spread: 4 / 3 }),
      not_mining: new Hatch("falling", colour("--pattern-not-mining", host), { weight: 1.5, spread: 4 / 3 }),
      settled: new Hatch("dots", colour("--edge-settled", host)),
    };
    this.edge = colour("--edge-mining", host);
    this.shown = localStorage.getItem(STORED) !== "off";
    /** @type {Set<number>} */
    this.changed = new Set();
    this.waiting = 0;
    this.plane = new Plane(stage.map, { pane: "superpixel-notes", zIndex: 449, draw: (...on) => this.#draw(...on) });
    this.asked = new Plane(stage.map, {
      pane: "superpixel-asked",
      zIndex: 449,
      draw: (...on) => this.#drawAsked(...on),
    });
    this.asked.element.classList.add("desk__asked");
    session.addEventListener("open", () => this.#redraw());
    session.addEventListener("close", () => {
      this.plane.clear();
      this.asked.clear();
    });
    session.listen("paint", (detail) => this.#painted(detail));
  }

  /** @param {boolean} wanted */
  setVisible(wanted) {
    this.plane.setVisible(wanted);
    this.asked.setVisible(wanted);
  }

  /** Whether suggestions are shown where there are any; kept in this browser. @param {boolean} wanted */
  setShown(wanted) {
    this.shown = wanted;
    localStorage.setItem(STORED, wanted ? "on" : "off");
    this.plane.redraw();
  }

  #redraw() {
    this.plane.redraw();
    this.asked.redraw();
  }

  /**
   * Only what was painted or erased is wiped or drawn anew: that costs less than a frame, however many there are.
   * @param {number} superpixel
   */
  #painted(superpixel) {
    this.changed.add(superpixel);
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      const { context, unit } = this.plane;
      const current = this.#ready;
      if (current && unit) {
        for (const one of this.changed) {
          context.globalCompositeOperation = "destination-out";
          context.fillStyle = "#000000";
          context.fill(this.stage.overlay.pathOf(one), "evenodd");
          context.globalCompositeOperation = "source-over";
          this.#drawOne(context, unit, current, one);
        }
        if (this.session.deciding) {
          this.asked.redraw();
        }
      }
      this.changed.clear();
    });
  }

  get #ready() {
    // While one tile gives way to the next, the map moves and asks for what belongs to neither.
    const { current } = this.session;
    return current?.painting && this.stage.holds(current) ? current : null;
  }

  /** @param {CanvasRenderingContext2D} context @param {number} unit */
  #draw(context, unit) {
    const current = this.#ready;
    for (const superpixel of current?.reading ?? []) {
      this.#drawOne(context, unit, /** @type {Current} */ (current), superpixel);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   * @param {Current} current
   * @param {number} superpixel
   */
  #drawOne(context, unit, current, superpixel) {
    if (current.painting.labels[superpixel]) {
      return;
    }
    const path = this.stage.overlay.pathOf(superpixel);
    if (isSettled(current, superpixel)) {
      context.fillStyle = "rgb(12 11 10 / 45%)";
      context.fill(path, "evenodd");
      this.hatches.settled.fill(context, path, unit);
      return;
    }
    const verdict = this.shown && suggested(current, superpixel);
    if (verdict) {
      context.globalAlpha = verdict === "mining" ? 0.95 : 0.85;
      this.hatches[verdict].fill(context, path, unit);
      context.globalAlpha = 1;
    }
  }

  /**
   * The superpixels that an expert is asked about, as long as nothing is said of them.
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   */
  #drawAsked(context, unit) {
    const current = this.#ready;
    if (!current || !this.session.deciding) {
      return;
    }
    const { tile, painting } = current;
    context.lineJoin = "round";
    context.strokeStyle = this.edge;
    context.lineWidth = 6 * unit;
    for (const superpixel of tile.escalated.filter((one) => !painting.labels[one])) {
      context.stroke(this.stage.overlay.pathOf(superpixel));
    }
  }
}
