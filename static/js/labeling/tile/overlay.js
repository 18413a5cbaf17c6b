// The washes and outlines over a tile, on one canvas. A change draws only the superpixel it is about, and of its neighbours
// what reaches into the superpixel's box.

import { colour } from "../../shared/map.js";
import { pathOf, traceOutlines } from "./outlines.js";
import { Plane } from "./plane.js";

const CONTRAST = window.matchMedia("(prefers-contrast: more)");
const MANY = 24; // more superpixels than this at once are cheaper drawn with all the rest
const REACH = 10; // CSS pixels by which lines may stick out of a superpixel's box

/** @typedef {{line: string, weight: number, dash: number[], wash: string, strength: number}} Style */

// Borders are shared: the stronger statement lies on top.
/** @type {Record<Verdict | "none", number>} */
const RANK = { none: 0, not_mining: 1, unsure: 2, mixed: 3, mining: 4 };

/** @param {HTMLElement} host @returns {Record<Verdict | "none", Style>} */
function stylesOf(host) {
  const firm = CONTRAST.matches ? 1.5 : 1;
  return {
    none: { line: colour("--edge-none", host), weight: 1.4 * firm, wash: "transparent", strength: 0, dash: [] },
    mining: {
      line: colour("--edge-mining", host),
      weight: 3 * firm,
      wash: colour("--mining", host),
      strength: 0.28,
      dash: [],
    },
    not_mining: {
      line: colour("--edge-not-mining", host),
      weight: 1.8 * firm,
      wash: colour("--not-mining", host),
      strength: 0.24,
      dash: [],
    },
    // Dashed, so that the three differ without their colours.
    unsure: {
      line: colour("--edge-unsure", host),
      weight: 2.6 * firm,
      wash: colour("--unsure", host),
      strength: 0.36,
      dash: [7, 5],
    },
    // Its superpixels carry the washes.
    mixed: { line: colour("--edge-mixed", host), weight: 2.6 * firm, wash: "transparent", strength: 0, dash: [] },
  };
}

export class Overlay {
  /** @param {L.Map} map */
  constructor(map) {
    this.map = map;
    this.styles = stylesOf(map.getContainer());
    /** @type {Shape[]} */
    this.superpixels = []; // {path, box: [left, top, right, bottom]} in image pixels; [0] is no superpixel
    /** @type {(Verdict | null)[]} */
    this.verdicts = [];
    this.outlined = true;
    /** @type {Set<number>} */
    this.changed = new Set();
    this.waiting = 0;
    this.ringed = 0;
    /** @type {Path2D | undefined} */
    this.ringPath = undefined;
    this.plane = new Plane(map, { pane: "superpixels", zIndex: 450, draw: (...on) => this.#drawAll(...on) });
    this.ring = new Plane(map, { pane: "superpixel-cursor", zIndex: 451, draw: (...on) => this.#drawRing(...on) });
    this.ring.setVisible(false);
  }

  /**
   * Draw the superpixels of a tile, none of them painted; `shapes` as `shapesOf` makes them.
   * @param {Shape[]} shapes
   */
  show(shapes) {
    this.superpixels = shapes;
    this.verdicts = new Array(this.superpixels.length).fill(null);
    this.changed.clear();
    this.cursor(0);
    this.plane.redraw();
  }

  clear() {
    this.superpixels = [];
    this.changed.clear();
    this.cursor(0);
    this.plane.clear();
  }

  /** A superpixel's Path2D in image pixels. @param {number} superpixel */
  pathOf(superpixel) {
    return this.superpixels[superpixel].path;
  }

  /**
   * Show one superpixel's verdict; null shows it as not painted. Drawn with the next frame, or at once by `flush`.
   * @param {number} superpixel
   * @param {Verdict | null} verdict
   */
  paint(superpixel, verdict) {
    this.verdicts[superpixel] = verdict;
    this.changed.add(superpixel);
    this.waiting ||= requestAnimationFrame(() => this.flush());
  }

  /** Draw what has changed. True when that was anything. */
  flush() {
    cancelAnimationFrame(this.waiting);
    this.waiting = 0;
    if (!this.changed.size || !this.plane.unit) {
      return false;
    }
    if (this.changed.size > MANY) {
      this.plane.redraw();
    } else {
      for (const superpixel of this.changed) {
        this.#drawAround(superpixel);
      }
    }
    this.changed.clear();
    return true;
  }

  /**
   * Put the keyboard's cursor around a part that has this outline; 0 takes it away.
   * @param {number} part
   * @param {Path2D} [path]
   */
  cursor(part, path = this.superpixels[part]?.path) {
    if (part !== this.ringed) {
      this.ringed = part;
      this.ringPath = path;
      this.ring.setVisible(part > 0);
      this.ring.redraw();
    }
  }

  /** Thin lines around what is not painted, or none. @param {boolean} wanted */
  setOutlined(wanted) {
    this.outlined = wanted;
    this.plane.redraw();
  }

  /** Hide everything for a look at the ground. @param {boolean} wanted */
  setVisible(wanted) {
    this.plane.setVisible(wanted);
    this.ring.setVisible(wanted && this.ringed > 0);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} unit */
  #drawAll(context, unit) {
    for (const style of Object.keys(RANK)) {
      for (let superpixel = 1; superpixel < this.superpixels.length; superpixel += 1) {
        if ((this.verdicts[superpixel] || "none") === style) {
          this.#draw(context, unit, superpixel);
        }
      }
    }
  }

  /** @param {number} superpixel */
  #drawAround(superpixel) {
    const { context, unit } = this.plane;
    const [left, top, right, bottom] = this.superpixels[superpixel].box;
    const reach = REACH * unit;
    const far = 2 * reach;
    /** @type {number[]} */
    const near = [];
    for (let other = 1; other < this.superpixels.length; other += 1) {
      const { box } = this.superpixels[other];
      if (box[0] < right + far && box[2] > left - far && box[1] < bottom + far && box[3] > top - far) {
        near.push(other);
      }
    }
    const rank = (/** @type {number} */ piece) => RANK[this.verdicts[piece] || "none"];
    near.sort((one, other) => rank(one) - rank(other) || one - other);
    // On whole pixels of the screen, so that no seam is left around what is drawn anew.
    const { a: dense, e: x, f: y } = context.getTransform();
    const from = [Math.floor(dense * (left - reach) + x), Math.floor(dense * (top - reach) + y)];
    const to = [Math.ceil(dense * (right + reach) + x), Math.ceil(dense * (bottom + reach) + y)];
    /** @type {Box} */
    const area = [from[0], from[1], to[0] - from[0], to[1] - from[1]];
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.beginPath();
    context.rect(...area);
    context.clip();
    context.clearRect(...area);
    context.setTransform(dense, 0, 0, dense, x, y);
    for (const piece of near) {
      this.#draw(context, unit, piece);
    }
    context.restore();
  }

  /** @param {CanvasRenderingContext2D} context @param {number} unit @param {number} superpixel */
  #draw(context, unit, superpixel) {
    const verdict = this.verdicts[superpixel];
    if (!verdict && !this.outlined) {
      return;
    }
    const { path } = this.superpixels[superpixel];
    const { line, weight, wash, strength, dash } = this.styles[verdict || "none"];
    if (verdict) {
      context.globalAlpha = strength;
      context.fillStyle = wash;
      context.fill(path, "evenodd");
      context.globalAlpha = 1;
    }
    context.lineJoin = "round";
    context.strokeStyle = line;
    context.lineWidth = weight * unit;
    context.setLineDash(dash.map((length) => length * unit));
    context.stroke(path);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} unit */
  #drawRing(context, unit) {
    if (this.ringed && this.ringPath) {
      const path = this.ringPath;
      context.lineJoin = "round";
      /** @type {[string, number][]} */
      const lines = [
        ["#000000", 8],
        ["#ffffff", 4],
      ];
      for (const [line, weight] of lines) {
        context.strokeStyle = line;
        context.lineWidth = weight * unit;
        context.stroke(path);
      }
    }
  }
}

/**
 * The outlines of a raster's superpixels, ready to be drawn. It takes a while: done before the tile is wanted.
 * @param {TracedRaster} raster
 */
export function shapesOf(raster) {
  return traceOutlines(raster).map(shapeOf);
}

/** @param {Ring[]} rings @returns {Shape} */
function shapeOf(rings) {
  /** @type {Box} */
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of rings.flat()) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return { path: pathOf(rings), box };
}
