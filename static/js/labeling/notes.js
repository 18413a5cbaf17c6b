// What lies under the paint: the classifier's suggestions, superpixels that nobody needs to label any more, and those
// about which an expert is asked. A painted superpixel shows its paint alone.

import { colour } from "../shared/map.js";
import { Hatch } from "./hatch.js";
import { Plane } from "./plane.js";

const STORED = "amber-desk-suggestions";

/** What the classifier would say of a superpixel, or null where nothing is suggested. */
export function suggested({ tile }, superpixel) {
  const told = tile.suggestions;
  const probability = told?.probabilities[superpixel - 1];
  if (probability === undefined) {
    return null;
  }
  return probability >= told.threshold ? "mining" : "not_mining";
}

export const isSettled = ({ tile }, superpixel) => tile.settled.includes(superpixel);

/**
 * Whether a superpixel is one of "the rest" of a tile as far as nothing is said of it: not what is settled, and for an
 * expert who decides only what is asked.
 */
export const isOfTheRest = (current, superpixel, deciding) =>
  deciding ? current.tile.escalated.includes(superpixel) : !isSettled(current, superpixel);

/** The superpixels of "the rest" that are not painted. */
export function restOf(current, deciding) {
  return current.reading.filter(
    (superpixel) => !current.painting.labels[superpixel] && isOfTheRest(current, superpixel, deciding),
  );
}

export class Notes {
  constructor({ stage, session }) {
    Object.assign(this, { stage, session });
    const host = stage.element;
    this.hatches = {
      mining: new Hatch("rising", colour("--edge-mining", host), { weight: 2, spread: 4 / 3 }),
      not_mining: new Hatch("falling", colour("--pattern-not-mining", host), { weight: 1.5, spread: 4 / 3 }),
      settled: new Hatch("dots", colour("--edge-settled", host)),
    };
    this.edge = colour("--edge-mining", host);
    this.shown = localStorage.getItem(STORED) !== "off";
    this.changed = new Set();
    this.waiting = 0;
    this.plane = new Plane(stage.map, { pane: "superpixel-notes", zIndex: 449, draw: (...on) => this.#draw(...on) });
    this.asked = new Plane(stage.map, { pane: "superpixel-asked", zIndex: 449, draw: (...on) => this.#drawAsked(...on) });
    this.asked.element.classList.add("desk__asked");
    session.addEventListener("open", () => this.#redraw());
    session.addEventListener("close", () => [this.plane, this.asked].forEach((plane) => plane.clear()));
    session.addEventListener("paint", ({ detail }) => this.#painted(detail));
  }

  setVisible(wanted) {
    this.plane.setVisible(wanted);
    this.asked.setVisible(wanted);
  }

  /** Whether suggestions are shown where there are any; kept in this browser. */
  setShown(wanted) {
    this.shown = wanted;
    localStorage.setItem(STORED, wanted ? "on" : "off");
    this.plane.redraw();
  }

  #redraw() {
    this.plane.redraw();
    this.asked.redraw();
  }

  /** Only what was painted or erased is wiped or drawn anew: that costs less than a frame, however many there are. */
  #painted(superpixel) {
    this.changed.add(superpixel);
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      const { context, unit } = this.plane;
      if (this.#ready && unit) {
        for (const one of this.changed) {
          context.globalCompositeOperation = "destination-out";
          context.fillStyle = "#000000";
          context.fill(this.stage.overlay.pathOf(one), "evenodd");
          context.globalCompositeOperation = "source-over";
          this.#drawOne(context, unit, one);
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
    return Boolean(current?.painting && this.stage.holds(current));
  }

  #draw(context, unit) {
    if (this.#ready) {
      this.session.current.reading.forEach((superpixel) => this.#drawOne(context, unit, superpixel));
    }
  }

  #drawOne(context, unit, superpixel) {
    const { current } = this.session;
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

  /** The superpixels that an expert is asked about, as long as nothing is said of them. */
  #drawAsked(context, unit) {
    if (!this.#ready || !this.session.deciding) {
      return;
    }
    const { tile, painting } = this.session.current;
    context.lineJoin = "round";
    context.strokeStyle = this.edge;
    context.lineWidth = 6 * unit;
    tile.escalated
      .filter((superpixel) => !painting.labels[superpixel])
      .forEach((superpixel) => context.stroke(this.stage.overlay.pathOf(superpixel)));
  }
}
