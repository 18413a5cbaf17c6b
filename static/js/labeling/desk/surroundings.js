// What lies around the tile on the stage, in space and in time: asked for when everything else has come, and dropped
// when the tile goes or the network does.

import { api } from "../../shared/api.js";
import { L } from "../../shared/map.js";
import { fetchPicture } from "../tile/pictures.js";
import { place } from "../tile/plane.js";

const SMALL = 256; // side in pixels of a neighbour's picture
const PANE = "around";

/** Where a picture lies: its box [left, top, right, bottom] in pixels of the tile on the stage, as Leaflet's bounds. */
export const boundsOf = (/** @type {Box} */ [left, top, right, bottom]) =>
  L.latLngBounds([place([left, bottom]), place([right, top])]);

export class Surroundings {
  /**
   * onDates(dates): other pictures of this ground; empty while there are none.
   * @param {DeskParts & {onDates: (dates: OtherDate[]) => void}} parts
   */
  constructor({ session, stage, onDates }) {
    this.session = session;
    this.stage = stage;
    this.onDates = onDates;
    this.pane = stage.map.createPane(PANE);
    this.pane.style.zIndex = "150";
    this.pane.style.pointerEvents = "none";
    /** @type {L.ImageOverlay[]} */
    this.shown = [];
    this.visible = true;
    /** @type {AbortController | null} */
    this.fetching = null;
    // What is still on its way must not hold up the next tile.
    session.addEventListener("going", () => this.fetching?.abort());
    session.addEventListener("leave", () => this.#drop());
    session.listen("open", (detail) => this.#look(detail));
  }

  /** @param {boolean} wanted */
  setVisible(wanted) {
    this.visible = wanted;
    this.pane.style.visibility = wanted ? "" : "hidden";
  }

  /** @param {Loaded} loaded */
  async #look(loaded) {
    this.#drop();
    this.fetching = new AbortController();
    const { signal } = this.fetching;
    try {
      // The next tiles and the sharp picture of this one come first.
      await this.session.supply;
      if (signal.aborted || !navigator.onLine) {
        return;
      }
      const url = `${this.session.page.urls.tile.replace("/0/", `/${loaded.tile.segmented_tile}/`)}surroundings/`;
      const { neighbours, dates } = await api.get(url, { signal });
      if (signal.aborted) {
        return;
      }
      this.onDates(dates);
      for (const neighbour of neighbours) {
        const picture = await fetchPicture(neighbour.image, SMALL, { priority: "low", signal });
        if (signal.aborted) {
          URL.revokeObjectURL(picture.src);
          return;
        }
        this.shown.push(
          L.imageOverlay(picture, boundsOf(neighbour.box), { pane: PANE, className: "desk__neighbour" }).addTo(
            this.stage.map,
          ),
        );
      }
    } catch (error) {
      // Nobody waits for these pictures: without them the tile is labelled all the same.
      if (error.name !== "AbortError" && !error.offline) {
        console.warn(error.message);
      }
    }
  }

  #drop() {
    this.fetching?.abort();
    this.fetching = null;
    for (const overlay of this.shown) {
      URL.revokeObjectURL(overlay.getElement()?.src ?? "");
      overlay.remove();
    }
    this.shown = [];
    this.onDates([]);
  }
}
