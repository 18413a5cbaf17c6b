// Patterns that lie over ground: told apart by their lines and dots, with colour only as a help. They keep their size on
// the screen at any zoom.

const SIDE = 12; // CSS pixels after which a pattern repeats

const drawings = {
  // Two strokes of each so that the pattern meets itself at the edges of its square.
  rising: (context) => strokes(context, [[-3, 15, 15, -3], [-3, 3, 3, -3], [9, 15, 15, 9]]),
  falling: (context) => strokes(context, [[-3, -3, 15, 15], [9, -3, 15, 3], [-3, 9, 3, 15]]),
  dots: (context) => {
    for (const [x, y] of [
      [3, 3],
      [9, 9],
    ]) {
      context.beginPath();
      context.arc(x, y, 1.1, 0, 2 * Math.PI);
      context.fill();
    }
  },
};

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
  constructor(kind, colour, weight = 2) {
    const dense = 2;
    this.dense = dense;
    this.square = document.createElement("canvas");
    this.square.width = SIDE * dense;
    this.square.height = SIDE * dense;
    const context = this.square.getContext("2d");
    context.scale(dense, dense);
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.lineWidth = weight;
    drawings[kind](context);
  }

  /** `unit`: how long one CSS pixel is in the context. */
  fill(context, path, unit) {
    const pattern = context.createPattern(this.square, "repeat");
    pattern.setTransform(new DOMMatrix().scale(unit / this.dense));
    context.fillStyle = pattern;
    context.fill(path, "evenodd");
  }
}
