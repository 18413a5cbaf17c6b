// What is painted on one tile, stroke by stroke, with undo and redo back to the first.
// A label is {verdict, lookAlike}; null means not painted. Labels are kept by part (parts.js): a superpixel, or a fragment
// of a superpixel that is painted "mixed". When that is painted over or erased its fragments lose their labels with it.

import { partOf, fragmentOf, superpixelOf } from "./parts.js";

/** @type {(one: Label | null, other: Label | null) => boolean} */
const same = (one, other) =>
  one === other || Boolean(one && other && one.verdict === other.verdict && one.lookAlike === other.lookAlike);

export class Painting {
  /**
   * `onChange(part, label)` is called for every part whose label changes, whoever changed it.
   * @param {number} count
   * @param {LabelEntry[]} initial
   * @param {(part: number, label: Label | null) => void} onChange
   */
  constructor(count, initial = [], onChange = () => {}) {
    this.count = count;
    /** @type {Record<number, Label | null>} */
    this.labels = {}; // by part; null or missing: not painted
    for (const { superpixel, piece = 0, verdict, lookAlike = "" } of initial) {
      this.labels[partOf(superpixel, piece)] = { verdict, lookAlike };
    }
    this.first = { ...this.labels };
    this.onChange = onChange;
    /** @type {Map<number, Change>[]} */
    this.done = [];
    /** @type {Map<number, Change>[]} */
    this.undone = [];
    /** @type {Map<number, Change> | null} */
    this.stroke = null;
  }

  /** Start a stroke: everything painted until `commit` is undone as one; `abort` takes it back at once. */
  begin() {
    this.commit();
    this.stroke = new Map();
  }

  /**
   * Paint (or with null erase) one part. True when that changed anything.
   * @param {number} part
   * @param {Label | null} label
   */
  paint(part, label) {
    const superpixel = superpixelOf(part);
    const piece = fragmentOf(part);
    const before = this.labels[part] || null;
    if (superpixel < 1 || superpixel > this.count || same(before, label)) {
      return false;
    }
    if (piece && (label?.verdict === "mixed" || this.labels[superpixel]?.verdict !== "mixed")) {
      return false;
    }
    const alone = this.stroke === null;
    if (alone) {
      this.stroke = new Map();
    }
    if (!piece && before?.verdict === "mixed" && label?.verdict !== "mixed") {
      for (const painted of this.piecesOf(superpixel)) {
        this.#change(painted, null);
      }
    }
    this.#change(part, label);
    if (alone) {
      this.commit();
    }
    return true;
  }

  /** End the stroke; an empty one leaves no trace. Returns the parts it changed. */
  commit() {
    const { stroke } = this;
    this.stroke = null;
    if (!stroke?.size) {
      return [];
    }
    this.done.push(stroke);
    this.undone = [];
    return [...stroke.keys()];
  }

  abort() {
    const { stroke } = this;
    this.stroke = null;
    for (const [part, { before }] of stroke || []) {
      this.#set(part, before);
    }
  }

  undo() {
    this.commit();
    const stroke = this.done.pop();
    if (!stroke) {
      return [];
    }
    this.undone.push(stroke);
    for (const [part, { before }] of stroke) {
      this.#set(part, before);
    }
    return [...stroke.keys()];
  }

  redo() {
    this.commit();
    const stroke = this.undone.pop();
    if (!stroke) {
      return [];
    }
    this.done.push(stroke);
    for (const [part, { after }] of stroke) {
      this.#set(part, after);
    }
    return [...stroke.keys()];
  }

  /**
   * Paint what is not painted yet, as one stroke: `labelFor(part)` says how, or null to leave it. `piecesOf(superpixel)`
   * names the parts of a mixed superpixel. Returns how many parts were painted.
   * @param {(part: number) => Label | null} labelFor
   * @param {(superpixel: number) => number[]} piecesOf
   */
  fill(labelFor, piecesOf = () => []) {
    this.begin();
    for (let superpixel = 1; superpixel <= this.count; superpixel += 1) {
      const label = this.labels[superpixel];
      const parts = label?.verdict === "mixed" ? piecesOf(superpixel) : [superpixel];
      for (const part of parts) {
        const wanted = this.labels[part] ? null : labelFor(part);
        if (wanted) {
          this.paint(part, wanted);
        }
      }
    }
    return this.commit().length;
  }

  /** The parts of the latest stroke that is not undone. */
  latest() {
    const stroke = this.done.at(-1);
    return stroke ? [...stroke.keys()] : [];
  }

  /** The painted fragments of a superpixel, as parts. @param {number} superpixel */
  piecesOf(superpixel) {
    return this.#parts().filter((part) => part !== superpixel && superpixelOf(part) === superpixel);
  }

  /** Whether the stroke that is being made has changed a fragment of this superpixel. @param {number} superpixel */
  isTouching(superpixel) {
    return [...(this.stroke?.keys() || [])].some((part) => part !== superpixel && superpixelOf(part) === superpixel);
  }

  /** Superpixels that are painted; a mixed one is, whatever is said of its fragments. */
  get painted() {
    return this.#parts().filter((part) => !fragmentOf(part)).length;
  }

  /** Whether it differs from what it began with. */
  get changed() {
    return [...new Set([...Object.keys(this.labels), ...Object.keys(this.first)].map(Number))].some(
      (part) => !same(this.labels[part] || null, this.first[part] || null),
    );
  }

  /**
   * [{superpixel, fragment, verdict, lookAlike}, …] of what is painted, superpixels before fragments.
   * @returns {LabelEntry[]}
   */
  entries() {
    return this.#parts().map((part) => ({
      superpixel: superpixelOf(part),
      piece: fragmentOf(part),
      .../** @type {Label} */ (this.labels[part]),
    }));
  }

  #parts() {
    return Object.keys(this.labels)
      .map(Number)
      .filter((part) => this.labels[part]);
  }

  /** @param {number} part @param {Label | null} label */
  #change(part, label) {
    const known = this.stroke?.get(part);
    this.stroke?.set(part, { before: known ? known.before : this.labels[part] || null, after: label });
    this.#set(part, label);
  }

  /** @param {number} part @param {Label | null} label */
  #set(part, label) {
    this.labels[part] = label;
    this.onChange(part, label);
  }
}
