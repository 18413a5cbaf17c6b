// The label raster of a tile: which superpixel a pixel belongs to is a look-up in an array, never a question to the
// server. The format is written down in detection/segmentation/raster.py.

import { penOf } from "../../shared/dom.js";
import { nearest } from "./parts.js";

/**
 * The numbers in a raster PNG: {numbers: Uint16Array, columns, rows}. Throws when it is no picture.
 * @param {Blob} blob
 * @returns {Promise<Numbers>}
 */
export async function decodeRaster(blob) {
  // Without these two options a browser may change values on the way to the canvas.
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width: columns, height: rows } = bitmap;
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const context = penOf(canvas, { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, columns, rows);
  const numbers = new Uint16Array(columns * rows);
  for (let cell = 0, at = 0; cell < numbers.length; cell += 1, at += 4) {
    numbers[cell] = data[at + 2] ? data[at] : data[at] + 256 * data[at + 1];
  }
  return { numbers, columns, rows };
}

/** A decoded raster laid over its image: `scale` image pixels a cell, `count` superpixels, 0 where there is no data. */
export class Raster {
  /** @param {Numbers} read @param {{scale: number, width: number, height: number, superpixels: number}} tile */
  constructor({ numbers, columns, rows }, { scale, width, height, superpixels }) {
    this.numbers = numbers;
    this.columns = columns;
    this.rows = rows;
    this.scale = scale;
    this.width = width;
    this.height = height;
    this.count = superpixels;
    this.centres = centresOf(numbers, columns, superpixels, scale);
  }

  /**
   * The superpixel under image pixel (x, y); 0 outside the image and where there is no data.
   * @param {number} x
   * @param {number} y
   */
  at(x, y) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) {
      return 0;
    }
    const column = Math.min(Math.floor(x / this.scale), this.columns - 1);
    const row = Math.min(Math.floor(y / this.scale), this.rows - 1);
    return this.numbers[row * this.columns + column];
  }

  /**
   * The superpixels under a disc around image pixel (x, y): those with a cell whose middle lies in it.
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  within(x, y, radius) {
    /** @type {Set<number>} */
    const found = new Set();
    const own = this.at(x, y); // a disc smaller than a cell has no middle in it
    if (own) {
      found.add(own);
    }
    for (const [first, last] of this.cellsUnder(x, y, radius)) {
      let latest = 0;
      for (let cell = first; cell <= last; cell += 1) {
        const superpixel = this.numbers[cell];
        if (superpixel !== latest) {
          latest = superpixel;
          if (superpixel) {
            found.add(superpixel);
          }
        }
      }
    }
    return found;
  }

  /**
   * The cells whose middles lie in a disc around image pixel (x, y): the first and the last of each row.
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  cellsUnder(x, y, radius) {
    const { scale, columns, rows } = this;
    /** @type {Pair[]} */
    const found = [];
    const top = Math.max(0, Math.ceil((y - radius) / scale - 0.5));
    const bottom = Math.min(rows - 1, Math.floor((y + radius) / scale - 0.5));
    for (let row = top; row <= bottom; row += 1) {
      const half = Math.sqrt(radius ** 2 - ((row + 0.5) * scale - y) ** 2);
      const from = Math.max(0, Math.ceil((x - half) / scale - 0.5));
      const to = Math.min(columns - 1, Math.floor((x + half) / scale - 0.5));
      found.push([row * columns + from, row * columns + to]);
    }
    return found;
  }

  /**
   * The superpixel that lies nearest in a direction ("left", "right", "up", "down"), or the same one at the edge.
   * @param {number} from
   * @param {Direction} direction
   */
  neighbour(from, direction) {
    const all = Array.from({ length: this.count }, (_, index) => index + 1);
    return nearest(all, (superpixel) => this.centres[superpixel], from, direction);
  }

  /** Superpixels in reading order: rows of about a sixth of the height from the top, each from the left. */
  readingOrder() {
    const band = this.height / 6;
    const order = Array.from({ length: this.count }, (_, index) => index + 1);
    const key = (/** @type {number} */ piece) => [Math.floor(this.centres[piece].y / band), this.centres[piece].x];
    return order.sort((one, other) => {
      const [row, x] = key(one);
      const [otherRow, otherX] = key(other);
      return row - otherRow || x - otherX;
    });
  }
}

/** @param {Uint16Array} numbers @param {number} columns @param {number} count @param {number} scale */
function centresOf(numbers, columns, count, scale) {
  const centres = Array.from({ length: count + 1 }, () => ({ x: 0, y: 0, cells: 0 }));
  for (let cell = 0; cell < numbers.length; cell += 1) {
    const centre = centres[numbers[cell]];
    centre.x += cell % columns;
    centre.y += Math.floor(cell / columns);
    centre.cells += 1;
  }
  for (const centre of centres) {
    centre.x = (centre.x / Math.max(centre.cells, 1) + 0.5) * scale;
    centre.y = (centre.y / Math.max(centre.cells, 1) + 0.5) * scale;
  }
  return centres;
}
