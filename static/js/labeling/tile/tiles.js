// Tiles for the desk: asked for, fetched with picture and raster, and kept ready before they are wanted.

import { download, fetchPicture, LIGHT, release, sharpen } from "./pictures.js";
import { fetchFragments } from "./fragments.js";
import { shapesOf } from "./overlay.js";
import { decodeRaster, Raster } from "./raster.js";

const AHEAD = 2; // tiles kept ready behind the one on the screen
const MOST_NAMED = 200; // as many as the server reads

/**
 * A tile with everything that is needed to show it, network or not: {tile, raster, shapes, reading, picture}. The
 * picture, a decoded <img>, is the light one; `sharpen` brings the better one.
 * @param {Tile} tile
 * @returns {Promise<Loaded>}
 */
export async function load(tile) {
  const [picture, numbers] = await Promise.all([
    fetchPicture(tile.image, LIGHT, { priority: "high" }),
    download(tile.raster, { priority: "high" }).then(decodeRaster),
  ]);
  const raster = new Raster(numbers, tile);
  return { tile, raster, picture, shapes: shapesOf(raster), reading: raster.readingOrder() };
}

export class TileQueue {
  /**
   * ask({held, skipped}): the server's answer to what comes next; held(): numbers of segmented tiles that must not come
   * again.
   * @param {TileQueueCalls} calls
   */
  constructor({ ask, held, onSession }) {
    this.ask = ask;
    this.held = held;
    this.onSession = onSession;
    /** @type {Loaded[]} */
    this.ready = []; // of loaded tiles, the next first
    /** @type {number[]} */
    this.numbers = []; // their segmented tiles, as far as they are known
    /** @type {Promise<void> | null} */
    this.filling = null;
    /** @type {NothingLeft | null} */
    this.end = null; // the server's answer that nothing is left
    this.skipped = false; // whether tiles that were given back are wanted again
  }

  /** The next tile, loaded: at once when it was prefetched. Resolves to {reason, message} when nothing is left. */
  async take() {
    if (!this.ready.length) {
      this.end = null;
      await this.fill(1);
    }
    const next = this.ready.shift();
    this.numbers.shift();
    return next ?? this.end;
  }

  /** Keep up to `wanted` tiles ready. Failures are left for `take`, which the person waits for. */
  async fill(wanted = AHEAD) {
    while (this.filling) {
      await this.filling.catch(() => {});
    }
    this.filling = this.#fill(wanted);
    try {
      await this.filling;
    } finally {
      this.filling = null;
    }
  }

  /** Fetch the sharp pictures of the tiles that are ready, the next first, without haste. */
  async sharpen() {
    for (const loaded of [...this.ready]) {
      await sharpen(loaded, { priority: "low" });
    }
  }

  /** Fetch the finer rasters of the tiles that are ready, without haste. */
  async fetchFragments() {
    for (const loaded of [...this.ready]) {
      await fetchFragments(loaded, { priority: "low" });
    }
  }

  /**
   * A tile that was taken but not sent comes first again, with what is painted on it.
   * @param {Loaded} loaded
   * @param {LabelEntry[]} draft
   */
  putBack(loaded, draft) {
    loaded.draft = draft;
    this.ready.unshift(loaded);
    this.numbers.unshift(loaded.tile.segmented_tile);
  }

  /** Throw away what was prefetched, for instance because a tile was skipped or the rest is wanted again. */
  forget() {
    this.ready.forEach(release);
    this.ready = [];
    this.numbers = [];
    this.end = null;
  }

  /** @param {number} wanted */
  async #fill(wanted) {
    while (this.ready.length < wanted && !this.end) {
      const held = [...this.held(), ...this.numbers].slice(-MOST_NAMED);
      const answer = await this.ask({ held, skipped: this.skipped });
      this.onSession(answer.session);
      if (!answer.tile && this.skipped) {
        this.skipped = false; // all of them have been here again
        continue;
      }
      if (!answer.tile) {
        this.end = answer;
        return;
      }
      this.ready.push(await load(answer.tile));
      this.numbers.push(answer.tile.segmented_tile);
    }
  }
}
