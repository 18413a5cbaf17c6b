// Mixed superpixels on the stage: hatched, in their finer pieces, each with what is said of it.

import { gettext } from "../shared/i18n.js";
import { colour } from "../shared/map.js";
import { toast } from "../shared/toast.js";
import { Hatch } from "./hatch.js";
import { inPieces, isMixed } from "./parts.js";
import { fetchPieces } from "./pieces.js";
import { Plane } from "./plane.js";

export class Finer {
  constructor({ stage, session }) {
    Object.assign(this, { stage, session });
    this.hatch = new Hatch("rising", colour("--edge-mixed", stage.element), { weight: 1.2, spread: 4 / 3 });
    this.waiting = 0;
    this.drawn = new Set(); // superpixels that are drawn in pieces at the moment
    this.plane = new Plane(stage.map, { pane: "superpixel-pieces", zIndex: 450, draw: (...on) => this.#draw(...on) });
    session.addEventListener("open", () => this.plane.redraw());
    session.addEventListener("close", () => this.plane.clear());
    session.addEventListener("paint", ({ detail }) => this.#changed(detail));
  }

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

  #changed(superpixel) {
    const { current } = this.session;
    if (!current?.painting || !(isMixed(current, superpixel) || this.drawn.has(superpixel))) {
      return;
    }
    this.waiting ||= requestAnimationFrame(() => this.flush());
    if (isMixed(current, superpixel) && !current.pieces) {
      this.#fetch(current);
    }
  }

  async #fetch(current) {
    try {
      await fetchPieces(current, { priority: "high" });
      if (this.session.current === current) {
        this.plane.redraw();
      }
    } catch (error) {
      console.warn(error.message);
      toast(gettext("The finer pieces come as soon as the server can be reached. The superpixel stays mixed until then."));
    }
  }

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
      if (!inPieces(current, superpixel)) {
        this.hatch.fill(context, overlay.pathOf(superpixel), unit);
        continue;
      }
      const parts = current.pieces.partsOf(superpixel);
      const said = (part) => current.painting.labels[part]?.verdict;
      // The stronger statement lies on top, as among the superpixels.
      for (const verdict of [undefined, "not_mining", "unsure", "mining"]) {
        parts.filter((part) => said(part) === verdict).forEach((part) => this.#drawPiece(context, unit, part, verdict));
      }
    }
  }

  #drawPiece(context, unit, part, verdict) {
    const { path } = this.session.current.pieces.shapeOf(part);
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
