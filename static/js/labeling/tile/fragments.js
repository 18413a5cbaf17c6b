// The finer raster of a tile: what a mixed superpixel falls into. It is fetched behind the tile, so that it is there
// before anybody asks, network or not.

import { pathOf, traceOutlines } from "./outlines.js";
import { partOf, fragmentOf, superpixelOf } from "./parts.js";
import { download } from "./pictures.js";
import { decodeRaster } from "./raster.js";

/** @typedef {{part: number, path: Path2D, x: number, y: number}} PieceShape */

/** The finer raster of a tile, in the cells of its superpixels' raster. See detection/segmentation/split.py. */
export class Fragments {
  /** @param {Numbers} finer @param {Raster} raster */
  constructor({ numbers, columns, rows }, raster) {
    if (columns !== raster.columns || rows !== raster.rows) {
      throw new Error(`the finer raster is ${columns}×${rows}, not ${raster.columns}×${raster.rows}`);
    }
    this.numbers = numbers;
    this.raster = raster;
    this.counts = new Uint16Array(raster.count + 1);
    for (let cell = 0; cell < numbers.length; cell += 1) {
      const superpixel = raster.numbers[cell];
      if (numbers[cell] > this.counts[superpixel]) {
        this.counts[superpixel] = numbers[cell];
      }
    }
    /** @type {Map<number, PieceShape[]>} */
    this.shapes = new Map(); // superpixel -> [null, {part, path, x, y}, …]
  }

  /** The parts of a superpixel, in reading order. @param {number} superpixel */
  partsOf(superpixel) {
    return Array.from({ length: this.counts[superpixel] }, (_, index) => partOf(superpixel, index + 1));
  }

  /**
   * The fragment of a superpixel under image pixel (x, y), as a part.
   * @param {number} superpixel
   * @param {number} x
   * @param {number} y
   */
  at(superpixel, x, y) {
    const { scale, columns, rows } = this.raster;
    const column = Math.min(Math.floor(x / scale), columns - 1);
    const row = Math.min(Math.floor(y / scale), rows - 1);
    return partOf(superpixel, this.numbers[row * columns + column]);
  }

  /**
   * The fragments of a superpixel with a cell whose middle lies in a disc around (x, y), and the one under its middle.
   * @param {number} superpixel
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  within(superpixel, x, y, radius) {
    /** @type {Set<number>} */
    const found = new Set();
    if (this.raster.at(x, y) === superpixel) {
      found.add(this.at(superpixel, x, y));
    }
    for (const [first, last] of this.raster.cellsUnder(x, y, radius)) {
      for (let cell = first; cell <= last; cell += 1) {
        if (this.raster.numbers[cell] === superpixel) {
          found.add(partOf(superpixel, this.numbers[cell]));
        }
      }
    }
    return [...found];
  }

  /** Outline (Path2D) and middle of a fragment, in image pixels. @param {number} part */
  shapeOf(part) {
    const superpixel = superpixelOf(part);
    const shapes = this.shapes.get(superpixel) ?? this.#shapesOf(superpixel);
    this.shapes.set(superpixel, shapes);
    return shapes[fragmentOf(part)];
  }

  /** @param {number} superpixel @returns {PieceShape[]} */
  #shapesOf(superpixel) {
    const { raster } = this;
    const count = this.counts[superpixel];
    const own = this.numbers.map((piece, cell) => (raster.numbers[cell] === superpixel ? piece : 0));
    const sums = Array.from({ length: count + 1 }, () => ({ x: 0, y: 0, cells: 0 }));
    for (let cell = 0; cell < own.length; cell += 1) {
      if (own[cell]) {
        const sum = sums[own[cell]];
        sum.x += cell % raster.columns;
        sum.y += Math.floor(cell / raster.columns);
        sum.cells += 1;
      }
    }
    const outlines = traceOutlines({ ...raster, numbers: own, count });
    return sums.map(({ x, y, cells }, piece) => ({
      part: partOf(superpixel, piece),
      path: pathOf(outlines[piece]),
      x: (x / Math.max(cells, 1) + 0.5) * raster.scale,
      y: (y / Math.max(cells, 1) + 0.5) * raster.scale,
    }));
  }
}

/**
 * Fetch the finer raster of a loaded tile; `loaded.fragments` is there from then on. Asking twice fetches once; what failed
 * may be asked for again.
 * @param {Loaded} loaded
 * @param {FetchOptions} [options]
 */
export function fetchFragments(loaded, options) {
  loaded.fetchingFragments ||= download(loaded.tile.pieces, options)
    .then(async (blob) => {
      loaded.fragments = new Fragments(await decodeRaster(blob), loaded.raster);
      loaded.bytes = (loaded.bytes || 0) + blob.size;
    })
    .catch((error) => {
      loaded.fetchingFragments = null;
      throw error;
    });
  return loaded.fetchingFragments;
}
