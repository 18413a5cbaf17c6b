// The keyboard's place on the tile: one superpixel, or none.

import { gettext, interpolate } from "../shared/i18n.js";
import { panel, verdictName } from "./panel.js";

export class Cursor {
  /** stage: the picture; session: whose tile is open; onMove(): after it went somewhere or left. */
  constructor({ stage, session, onMove }) {
    Object.assign(this, { stage, session, onMove });
    this.at = 0; // the superpixel; 0 while the keyboard is elsewhere
    session.addEventListener("leave", () => this.leave());
    this.#element().addEventListener("blur", () => this.leave());
  }

  goTo(superpixel) {
    const { raster, painting } = this.session.current;
    this.#element().focus({ preventScroll: true });
    this.at = superpixel;
    this.stage.overlay.cursor(superpixel);
    const { x, y } = raster.centres[superpixel];
    this.stage.reveal(x, y);
    const label = painting.labels[superpixel];
    panel.say(
      interpolate(gettext("Superpixel %(number)s: %(what)s"), {
        number: superpixel,
        what: label ? verdictName(label.verdict) : gettext("not painted"),
      }),
    );
    this.onMove();
  }

  leave() {
    if (this.at) {
      this.at = 0;
      this.stage.overlay.cursor(0);
      this.onMove();
    }
  }

  /** To the nearest superpixel "left", "right", "up" or "down"; false while the keys belong to something else. */
  move(direction) {
    const { current } = this.session;
    if (!current || !(this.#isOnMap() || document.activeElement === document.body)) {
      return false;
    }
    this.goTo(this.at ? current.raster.neighbour(this.at, direction) : current.reading[0]);
    return true;
  }

  /** Tab walks through the superpixels and, past the last one, on to the page: no trap. */
  step(by) {
    const { current } = this.session;
    if (!current || !this.#isOnMap()) {
      return false;
    }
    const { reading } = current;
    const next = this.at ? reading[reading.indexOf(this.at) + by] : reading[by > 0 ? 0 : reading.length - 1];
    if (!next) {
      this.leave();
      return false;
    }
    this.goTo(next);
    return true;
  }

  #element() {
    return this.stage.map.getContainer();
  }

  #isOnMap() {
    return document.activeElement === this.#element();
  }
}
