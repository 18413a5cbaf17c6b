// Tiles for the desk: asked for, fetched with picture and raster, and kept ready before they are wanted.

import { api, ApiError } from "../shared/api.js";
import { gettext } from "../shared/i18n.js";
import { decodeRaster, Raster } from "./raster.js";

const AHEAD = 2; // tiles kept ready behind the one on the screen

async function download(url) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin" });
  } catch {
    throw new ApiError(gettext("There is no connection to the server. Check the network and try again."), {
      code: "offline",
    });
  }
  const type = response.headers.get("Content-Type") || "";
  if (!response.ok || !type.startsWith("image/")) {
    throw new ApiError(gettext("The picture of this tile could not be fetched."), { status: response.status });
  }
  return response.blob();
}

/** A tile with everything that is needed to show it, network or not: {tile, raster, picture (a decoded <img>)}. */
export async function load(tile) {
  const [image, numbers] = await Promise.all([download(tile.image), download(tile.raster).then(decodeRaster)]);
  const picture = new Image();
  picture.src = URL.createObjectURL(image);
  picture.alt = "";
  await picture.decode();
  return { tile, raster: new Raster(numbers, tile), picture };
}

export function release(loaded) {
  URL.revokeObjectURL(loaded.picture.src);
}

export class TileQueue {
  /** url: where the next tile is asked for; held(): numbers of segmented tiles that must not come again. */
  constructor({ url, region, held, onSession }) {
    Object.assign(this, { url, region, held, onSession });
    this.ready = []; // promises of loaded tiles, the next first
    this.numbers = []; // their segmented tiles, as far as they are known
    this.filling = null;
    this.end = null; // the server's answer that nothing is left
  }

  /** The next tile, loaded: at once when it was prefetched. Resolves to {reason, message} when nothing is left. */
  async take() {
    if (!this.ready.length) {
      this.end = null;
      await this.fill(1);
    }
    const next = this.ready.shift();
    this.numbers.shift();
    if (!next) {
      return this.end;
    }
    return next;
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

  /** A tile that was taken but not sent comes first again, with what is painted on it. */
  putBack({ tile, raster, picture }, draft) {
    this.ready.unshift({ tile, raster, picture, draft });
    this.numbers.unshift(tile.segmented_tile);
  }

  /** Throw away what was prefetched, for instance because a tile was skipped or the rest is wanted again. */
  forget() {
    this.ready.forEach(release);
    this.ready = [];
    this.numbers = [];
    this.end = null;
  }

  async #fill(wanted) {
    while (this.ready.length < wanted && !this.end) {
      const after = [...this.held(), ...this.numbers].slice(-200).join(",");
      const answer = await api.get(this.url, { query: { region: this.region, after } });
      this.onSession(answer.session);
      if (!answer.tile) {
        this.end = answer;
        return;
      }
      this.ready.push(await load(answer.tile));
      this.numbers.push(answer.tile.segmented_tile);
    }
  }
}
