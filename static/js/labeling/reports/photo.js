// A photo is made smaller and loses its EXIF (place, time, camera) before it leaves the phone. The server does it again.

import { penOf } from "../../shared/dom.js";

const LONGEST = 1600;
const ENOUGH = 7 * 1024 * 1024;

/**
 * The photo as a small JPEG without anything but pixels; the file itself where this browser cannot read it.
 * @param {File} file
 * @returns {Promise<Blob>}
 */
export async function smallPhoto(file) {
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const pen = penOf(canvas);
    pen.fillStyle = "#fff"; // what is transparent lies on white
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    /** @type {Blob | null} */
    const small = await new Promise((done) => {
      canvas.toBlob(done, "image/jpeg", 0.85);
    });
    return small && small.size <= ENOUGH ? small : file;
  } catch {
    return file; // the server says what is wrong with it
  }
}
