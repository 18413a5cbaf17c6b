// The keyboard's place on the tile: one superpixel, one fragment of a mixed one, or none.

import { gettext, interpolate } from "../../shared/i18n.js";
import { partName } from "./brush.js";
import { panel, verdictName } from "./panel.js";
import { centreOf, inFragments, neighbourOf, fragmentOf, readingOrder, superpixelOf } from "../tile/parts.js";

export class Cursor {
  /**
   * stage: the picture; session: whose tile is open; onMove(): after it went somewhere or left.
   * @param {DeskParts & {onMove: () => void}} parts
   */
  constructor({ stage, session, onMove }) {
    this.stage = stage;
    this.session = session;
    this.onMove = onMove;
    this.at = 0; // the part; 0 while the keyboard is elsewhere
    session.addEventListener("leave", () => this.leave());
    session.listen("paint", (detail) => {
      // Its superpixel is in one fragment again.
      const { current } = session;
      if (current && fragmentOf(this.at) && superpixelOf(this.at) === detail && !inFragments(current, detail)) {
        this.goTo(detail);
      }
    });
    this.#element().addEventListener("blur", () => this.leave());
  }

  /** @param {number} part */
  goTo(part) {
    const { current } = this.session;
    if (!current) {
      return;
    }
    this.#element().focus({ preventScroll: true });
    this.at = part;
    const { overlay } = this.stage;
    overlay.cursor(part, fragmentOf(part) ? current.fragments?.shapeOf(part).path : overlay.pathOf(part));
    const { x, y } = centreOf(current, part);
    this.stage.reveal(x, y);
    const label = current.painting.labels[part];
    panel.say(
      interpolate(gettext("%(which)s: %(what)s"), {
        which: partName(part),
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

  /** From a mixed superpixel to the first of its fragments; false where there are none. */
  enter() {
    const { current } = this.session;
    if (!current || fragmentOf(this.at) || !inFragments(current, this.at)) {
      return false;
    }
    this.goTo(current.fragments.partsOf(this.at)[0]);
    return true;
  }

  /** From a fragment to its superpixel, from there away. */
  out() {
    if (fragmentOf(this.at)) {
      this.goTo(superpixelOf(this.at));
    } else {
      this.leave();
    }
  }

  /**
   * To the nearest superpixel "left", "right", "up" or "down"; false while the keys belong to something else.
   * @param {Direction} direction
   */
  move(direction) {
    const { current } = this.session;
    if (!current || !(this.#isOnMap() || document.activeElement === document.body)) {
      return false;
    }
    this.goTo(this.at ? neighbourOf(current, this.at, direction) : current.reading[0]);
    return true;
  }

  /** Tab walks through the superpixels and, past the last one, on to the page: no trap. @param {number} by */
  step(by) {
    const { current } = this.session;
    if (!current || !this.#isOnMap()) {
      return false;
    }
    const reading = readingOrder(current);
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
