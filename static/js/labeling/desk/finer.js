// Mixed superpixels on the stage: hatched, in their fragments, each with what is said of it.

import { gettext } from "../../shared/i18n.js";
import { colour } from "../../shared/map.js";
import { toast } from "../../shared/toast.js";
import { Hatch } from "../tile/hatch.js";
import { inFragments, isMixed } from "../tile/parts.js";
import { fetchFragments } from "../tile/fragments.js";
import { Plane } from "../tile/plane.js";

/** @type {(Verdict | undefined)[]} */
const ORDER = [undefined, "not_mining", "unsure", "mining"];

export class Finer {
  /** @param {DeskParts} parts */
  constructor({ stage, session }) {
    this.stage = stage;
    this.session = session;
    this.hatch = new Hatch("rising", colour("--edge-mixed", stage.element), { weight: 1.2, spread: 4 / 3 });
    this.waiting = 0;
    /** @type {Set<number>} */
    this.drawn = new Set(); // superpixels that are drawn in superpixels at the moment
    this.plane = new Plane(stage.map, {
      pane: "superpixel-fragments",
      zIndex: 450,
      draw: (...on) => this.#draw(...on),
    });
    session.addEventListener("open", () => this.plane.redraw());
    session.addEventListener("close", () => this.plane.clear());
    session.listen("paint", (detail) => this.#changed(detail));
  }

  /** @param {boolean} wanted */
  setVisible(wanted) {
    this.plane.setVisible(wanted);
  }

  /** Draw what has changed, now. */
  flush() {
    if (this.waiting) {
      cancelAnimationFrame(this.waiting);
      this.waiting = 0;
      this.plane.redraw();
    }
  }

  /** @param {number} superpixel */
  #changed(superpixel) {
    const { current } = this.session;
    if (!current?.painting || !(isMixed(current, superpixel) || this.drawn.has(superpixel))) {
      return;
    }
    this.waiting ||= requestAnimationFrame(() => this.flush());
    if (isMixed(current, superpixel) && !current.fragments) {
      this.#fetch(current);
    }
  }

  /** @param {Current} current */
  async #fetch(current) {
    try {
      await fetchFragments(current, { priority: "high" });
      if (this.session.current === current) {
        this.plane.redraw();
      }
    } catch (error) {
      console.warn(error.message);
      toast(gettext("The fragments come as soon as the server can be reached. The superpixel stays mixed until then."));
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {number} unit */
  #draw(context, unit) {
    const { current } = this.session;
    this.drawn.clear();
    if (!current?.painting || !this.stage.holds(current)) {
      return;
    }
    const { overlay } = this.stage;
    context.lineJoin = "round";
    for (const superpixel of current.reading) {
      if (!isMixed(current, superpixel)) {
        continue;
      }
      this.drawn.add(superpixel);
      if (!inFragments(current, superpixel)) {
        this.hatch.fill(context, overlay.pathOf(superpixel), unit);
        continue;
      }
      const parts = current.fragments.partsOf(superpixel);
      const said = (/** @type {number} */ part) => current.painting.labels[part]?.verdict;
      // The stronger statement lies on top, as among the superpixels.
      for (const verdict of ORDER) {
        for (const part of parts.filter((one) => said(one) === verdict)) {
          this.#drawPiece(context, unit, current.fragments.shapeOf(part).path, verdict);
        }
      }
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} unit
   * @param {Path2D} path
   * @param {Verdict | undefined} verdict
   */
  #drawPiece(context, unit, path, verdict) {
    const style = this.stage.overlay.styles[verdict || "mixed"];
    if (verdict) {
      context.globalAlpha = style.strength;
      context.fillStyle = style.wash;
      context.fill(path, "evenodd");
      context.globalAlpha = 1;
    } else {
      context.globalAlpha = 0.7;
      this.hatch.fill(context, path, unit);
      context.globalAlpha = 1;
    }
    context.strokeStyle = style.line;
    context.lineWidth = (verdict ? style.weight * 0.75 : 1.2) * unit;
    context.setLineDash(verdict ? style.dash.map((length) => length * unit) : []);
    context.stroke(path);
    context.setLineDash([]);
  }
}
