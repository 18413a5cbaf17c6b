// What is painted on one tile, stroke by stroke, with undo and redo back to the first.
// A label is {verdict, lookAlike}; null means not painted.

const same = (one, other) =>
  one === other || Boolean(one && other && one.verdict === other.verdict && one.lookAlike === other.lookAlike);

export class Painting {
  /** `onChange(superpixel, label)` is called for every superpixel whose label changes, whoever changed it. */
  constructor(count, initial = [], onChange = () => {}) {
    this.count = count;
    this.labels = new Array(count + 1).fill(null);
    for (const { superpixel, verdict, lookAlike = "" } of initial) {
      this.labels[superpixel] = { verdict, lookAlike };
    }
    this.first = [...this.labels];
    this.onChange = onChange;
    this.done = [];
    this.undone = [];
    this.stroke = null;
  }

  /** Start a stroke: everything painted until `commit` is undone as one; `abort` takes it back at once. */
  begin() {
    this.commit();
    this.stroke = new Map();
  }

  /** Paint (or with null erase) one superpixel. True when that changed anything. */
  paint(superpixel, label) {
    if (superpixel < 1 || superpixel > this.count || same(this.labels[superpixel], label)) {
      return false;
    }
    const alone = this.stroke === null;
    if (alone) {
      this.stroke = new Map();
    }
    const before = this.stroke.get(superpixel);
    this.stroke.set(superpixel, { before: before ? before.before : this.labels[superpixel], after: label });
    this.#set(superpixel, label);
    if (alone) {
      this.commit();
    }
    return true;
  }

  /** End the stroke; an empty one leaves no trace. Returns the superpixels it changed. */
  commit() {
    const { stroke } = this;
    this.stroke = null;
    if (!stroke || !stroke.size) {
      return [];
    }
    this.done.push(stroke);
    this.undone = [];
    return [...stroke.keys()];
  }

  abort() {
    const { stroke } = this;
    this.stroke = null;
    for (const [superpixel, { before }] of stroke || []) {
      this.#set(superpixel, before);
    }
  }

  undo() {
    this.commit();
    const stroke = this.done.pop();
    if (!stroke) {
      return [];
    }
    this.undone.push(stroke);
    for (const [superpixel, { before }] of stroke) {
      this.#set(superpixel, before);
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
    for (const [superpixel, { after }] of stroke) {
      this.#set(superpixel, after);
    }
    return [...stroke.keys()];
  }

  /** Paint all that is not painted yet, as one stroke. Returns how many that were. */
  fill(label) {
    this.begin();
    for (let superpixel = 1; superpixel <= this.count; superpixel += 1) {
      if (!this.labels[superpixel]) {
        this.paint(superpixel, label);
      }
    }
    return this.commit().length;
  }

  /** The superpixels of the latest stroke that is not undone. */
  latest() {
    const stroke = this.done.at(-1);
    return stroke ? [...stroke.keys()] : [];
  }

  get painted() {
    return this.labels.reduce((sum, label) => sum + (label ? 1 : 0), 0);
  }

  /** Whether it differs from what it began with. */
  get changed() {
    return this.labels.some((label, index) => !same(label, this.first[index]));
  }

  /** [{superpixel, verdict, lookAlike}, …] of what is painted. */
  entries() {
    return this.labels.flatMap((label, superpixel) => (label ? [{ superpixel, ...label }] : []));
  }

  #set(superpixel, label) {
    this.labels[superpixel] = label;
    this.onChange(superpixel, label);
  }
}
