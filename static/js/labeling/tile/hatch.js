// Patterns that lie over ground: told apart by their lines and dots, with colour only as a help. They keep their size on
// the screen at any zoom.

import { penOf } from "../../shared/dom.js";

/** @typedef {"rising" | "falling" | "dots"} HatchKind */

const SIDE = 12; // CSS pixels after which a drawing repeats, before it is spread
const DOT = 1.1; // CSS pixels: radius of a dot
const BED = "rgb(12 11 10 / 65%)"; // what a stroke lies on

/** @type {Record<HatchKind, (context: CanvasRenderingContext2D, radius: number) => void>} */
const drawings = {
  // Two strokes of each so that the pattern meets itself at the edges of its square.
  rising: (context) =>
    strokes(context, [
      [-3, 15, 15, -3],
      [-3, 3, 3, -3],
      [9, 15, 15, 9],
    ]),
  falling: (context) =>
    strokes(context, [
      [-3, -3, 15, 15],
      [9, -3, 15, 3],
      [-3, 9, 3, 15],
    ]),
  dots: (context, radius) => {
    for (const [x, y] of [
      [3, 3],
      [9, 9],
    ]) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    }
  },
};

/** @param {CanvasRenderingContext2D} context @param {Box[]} lines */
function strokes(context, lines) {
  context.beginPath();
  for (const [x0, y0, x1, y1] of lines) {
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
  }
  context.stroke();
}

/** A pattern for a context that is drawn in image pixels: kind "rising", "falling" or "dots". */
export class Hatch {
  /**
   * weight: of strokes; spread: how far apart they lie, 1 as drawn. Under each stroke lies a wider dark one, so that the
   * pattern is seen on bright sand as on dark forest.
   * @param {HatchKind} kind
   * @param {string} colour
   * @param {{weight?: number, spread?: number}} look
   */
  constructor(kind, colour, { weight = 2, spread = 1 } = {}) {
    this.dense = 2;
    this.square = document.createElement("canvas");
    this.square.width = Math.round(SIDE * spread * this.dense);
    this.square.height = this.square.width;
    const context = penOf(this.square);
    context.scale(spread * this.dense, spread * this.dense);
    /** @type {[string, number][]} */
    const layers = [
      [BED, weight + 2],
      [colour, weight],
    ];
    for (const [paint, width] of layers) {
      context.strokeStyle = paint;
      context.fillStyle = paint;
      context.lineWidth = width / spread;
      drawings[kind](context, (width / weight) * DOT);
    }
  }

  /**
   * `unit`: how long one CSS pixel is in the context.
   * @param {CanvasRenderingContext2D} context
   * @param {Path2D} path
   * @param {number} unit
   */
  fill(context, path, unit) {
    // The square is never empty, so there is one.
    const pattern = /** @type {CanvasPattern} */ (context.createPattern(this.square, "repeat"));
    pattern.setTransform(new DOMMatrix().scale(unit / this.dense));
    context.fillStyle = pattern;
    context.fill(path, "evenodd");
  }
}
