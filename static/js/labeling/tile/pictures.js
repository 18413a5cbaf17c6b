// Pictures of tiles in three sizes: a light one that a slow network brings within a second, a sharp one that follows in
// the background, and the tile at its own size, which only a deep zoom asks for.

import { ApiError, reach } from "../../shared/api.js";
import { gettext } from "../../shared/i18n.js";

export const LIGHT = 640;
export const SHARP = 1000;
const WHOLE = 4096;

/**
 * The bytes of an address that answers with an image. `priority` as fetch knows it: "high", "low", "auto".
 * @param {string} url
 * @param {FetchOptions} options
 */
export async function download(url, { priority = "auto", signal } = {}) {
  const response = await reach(url, { credentials: "same-origin", priority, signal });
  const type = response.headers.get("Content-Type") || "";
  if (!response.ok || !type.startsWith("image/")) {
    throw new ApiError(gettext("The picture of this tile could not be fetched."), { status: response.status });
  }
  return response.blob();
}

/** The address of a tile's picture in another size. @param {string} url @param {number} size */
function sized(url, size) {
  const address = new URL(url, window.location.href);
  address.searchParams.set("size", String(size));
  return address.href;
}

/** A decoded <img> of a blob. Its address must be revoked when it is no longer shown. @param {Blob} blob */
export async function decoded(blob) {
  const picture = new Image();
  picture.src = URL.createObjectURL(blob);
  picture.alt = "";
  picture.bytes = blob.size;
  await picture.decode();
  return picture;
}

/** @param {string} url @param {number} size @param {FetchOptions} [options] */
export async function fetchPicture(url, size, options) {
  return decoded(await download(sized(url, size), options));
}

/**
 * Fetch the sharp picture of a loaded tile behind the light one that it came with; `loaded.picture` is then the sharp
 * one. Asking twice fetches once. Resolves to true when there is something new to show.
 * @param {Loaded} loaded
 * @param {FetchOptions} [options]
 */
export function sharpen(loaded, options) {
  loaded.sharpening ||= better(loaded, SHARP, options).catch((error) => {
    loaded.sharpening = null;
    throw error;
  });
  return loaded.sharpening;
}

/** Fetch the tile at its own size. @param {Loaded} loaded @param {FetchOptions} [options] */
export function magnify(loaded, options) {
  loaded.magnifying ||= better(loaded, WHOLE, options).catch((error) => {
    loaded.magnifying = null;
    throw error;
  });
  return loaded.magnifying;
}

/** @param {Loaded} loaded @param {number} size @param {FetchOptions} [options] */
async function better(loaded, size, options) {
  const picture = await fetchPicture(loaded.tile.image, size, options);
  // A larger one may have come meanwhile, or the tile may be gone.
  if (loaded.released || (size !== WHOLE && picture.naturalWidth <= loaded.picture.naturalWidth)) {
    URL.revokeObjectURL(picture.src);
    return false;
  }
  loaded.addresses = [...(loaded.addresses || [loaded.picture.src]), picture.src];
  loaded.picture = picture;
  return true;
}

/** Let go of a tile's pictures. @param {Loaded} loaded */
export function release(loaded) {
  loaded.released = true;
  for (const address of loaded.addresses || [loaded.picture.src]) {
    URL.revokeObjectURL(address);
  }
}
