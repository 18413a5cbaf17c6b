// One lesson on the stage: which superpixels are asked about, what was answered, and the marks over them. The first
// answer to a superpixel stands; a lesson can be taken again from the beginning.

import { element } from "../../shared/dom.js";
import { L } from "../../shared/map.js";
import { place, Plane } from "../tile/plane.js";
import { nearest } from "../tile/parts.js";

export class Lesson {
  /**
   * stage: where the tile is shown; onAnswer({superpixel, right, said, answer}): after each; onMove(superpixel or 0).
   * @param {{stage: DeskStage, onAnswer: (given: GivenAnswer) => void, onMove: (superpixel: number) => void}} parts
   */
  constructor({ stage, onAnswer, onMove }) {
    this.stage = stage;
    this.onAnswer = onAnswer;
    this.onMove = onMove;
    /** @type {Loaded | null} */
    this.loaded = null;
    /** @type {number[]} */
    this.asked = [];
    /** @type {Record<number, KnownAnswer>} */
    this.answers = {}; // what is known, by superpixel: {verdict, look_alike, why}
    /** @type {Record<number, Verdict>} */
    this.said = {};
    this.at = 0; // the keyboard's place
    this.veil = new Plane(stage.map, { pane: "lesson-veil", zIndex: 449, draw: (...on) => this.#drawVeil(...on) });
    this.marks = L.layerGroup().addTo(stage.map);
    stage.element.addEventListener("blur", () => this.leave());
  }

  /** @param {Loaded} loaded @param {Record<number, KnownAnswer>} answers */
  show(loaded, answers) {
    this.loaded = null; // nothing to veil until the tile lies there
    this.stage.show(loaded);
    this.loaded = loaded;
    this.answers = answers;
    this.asked = loaded.raster.readingOrder().filter((superpixel) => answers[superpixel]);
    this.again();
  }

  /** From the beginning. */
  again() {
    this.said = {};
    this.at = 0;
    this.marks.clearLayers();
    this.stage.overlay.cursor(0);
    for (const superpixel of this.asked) {
      this.stage.overlay.paint(superpixel, null);
    }
    this.veil.redraw();
  }

  get left() {
    return this.asked.filter((superpixel) => !this.said[superpixel]).length;
  }

  /**
   * Answer for one superpixel; false when it is not asked about or has its answer.
   * @param {number} superpixel
   * @param {Verdict} said
   */
  answer(superpixel, said) {
    const answer = this.answers[superpixel];
    if (!answer || !this.loaded || this.said[superpixel]) {
      return false;
    }
    this.said[superpixel] = said;
    const right = said === answer.verdict;
    this.stage.overlay.paint(superpixel, answer.verdict);
    const { x, y } = this.loaded.raster.centres[superpixel];
    const icon = L.divIcon({
      className: "",
      html: element("span", { class: right ? "mark" : "mark mark--wrong" }, right ? "✓" : "✗"),
      iconSize: [26, 26],
    });
    L.marker(place([x, y]), { icon, interactive: false, keyboard: false }).addTo(this.marks);
    this.onAnswer({ superpixel, right, said, answer });
    return true;
  }

  // The keyboard.

  /** @param {number} superpixel */
  goTo(superpixel) {
    this.stage.element.focus({ preventScroll: true });
    this.at = superpixel;
    this.stage.overlay.cursor(superpixel);
    const { x, y } = this.#centre(superpixel);
    this.stage.reveal(x, y);
    this.onMove(superpixel);
  }

  leave() {
    if (this.at) {
      this.at = 0;
      this.stage.overlay.cursor(0);
      this.onMove(0);
    }
  }

  /** @param {Direction} direction */
  move(direction) {
    const centre = (/** @type {number} */ superpixel) => this.#centre(superpixel);
    this.goTo(this.at ? nearest(this.asked, centre, this.at, direction) : this.asked[0]);
  }

  /** @param {number} superpixel @returns {Point} */
  #centre(superpixel) {
    return this.loaded?.raster.centres[superpixel] ?? { x: 0, y: 0 };
  }

  /** Tab walks through what is asked and then on to the page. @param {number} by */
  step(by) {
    const next = this.at ? this.asked[this.asked.indexOf(this.at) + by] : this.asked.at(by > 0 ? 0 : -1);
    if (!next) {
      this.leave();
      return false;
    }
    this.goTo(next);
    return true;
  }

  /** What is not asked about lies in the shade. @param {CanvasRenderingContext2D} context @param {number} unit */
  #drawVeil(context, unit) {
    if (!this.loaded) {
      return;
    }
    const { tile, raster } = this.loaded;
    context.fillStyle = "rgb(12 11 10 / 50%)";
    for (let superpixel = 1; superpixel <= raster.count; superpixel += 1) {
      if (!this.answers[superpixel]) {
        context.fill(this.stage.overlay.pathOf(superpixel), "evenodd");
      }
    }
    context.lineJoin = "round";
    context.strokeStyle = "#ffffff";
    context.lineWidth = 2 * unit;
    for (const superpixel of Object.keys(this.answers).map(Number)) {
      if (superpixel <= tile.superpixels) {
        context.stroke(this.stage.overlay.pathOf(superpixel));
      }
    }
  }
}
