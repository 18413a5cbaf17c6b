// The brush: what it paints, how wide it is, and every change that is made to the labels of the open tile.

import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { writeDraft } from "./drafts.js";
import { isOfTheRest } from "./notes.js";
import { panel, verdictName } from "./panel.js";
import { partsUnder, fragmentOf, superpixelOf } from "../tile/parts.js";
import { afterPaint } from "./timing.js";

/** Widths in CSS pixels of the screen; 0 paints the one superpixel under the pointer. */
const WIDTHS = [0, 48, 96, 160];

/** @typedef {{session: DeskSession, stage: DeskStage, volunteer: string, onPainted: () => void}} BrushParts */

export class Brush {
  /** session: whose tile is open; stage: where it is shown; volunteer: whose drafts are kept; onPainted(): after every
   * @param {BrushParts} parts
   */
  constructor({ session, stage, volunteer, onPainted }) {
    this.session = session;
    this.stage = stage;
    this.volunteer = volunteer;
    this.onPainted = onPainted;
    /** @type {Verdict} */
    this.verdict = "mining";
    this.lookAlike = "";
    this.eraser = false; // the tool in the hand
    this.erasing = false; // this one stroke
    this.width = WIDTHS[0];
    panel.brush(this);
  }

  /** What the brush leaves behind: a label, or null for the eraser. @returns {Label | null} */
  get label() {
    return this.eraser
      ? null
      : { verdict: this.verdict, lookAlike: this.verdict === "not_mining" ? this.lookAlike : "" };
  }

  get #painting() {
    return this.session.current?.painting;
  }

  /** @param {Verdict} verdict */
  choose(verdict) {
    this.verdict = verdict;
    this.eraser = false;
    panel.brush(this);
  }

  /** @param {boolean} on */
  setEraser(on) {
    this.eraser = on;
    panel.brush(this);
    panel.say(on ? gettext("Eraser") : verdictName(this.verdict));
  }

  /** @param {number} width */
  setWidth(width) {
    this.width = width;
    panel.brush(this);
  }

  /** The next wider (+1) or narrower (-1) brush. @param {number} by */
  widen(by) {
    this.setWidth(WIDTHS[Math.min(Math.max(WIDTHS.indexOf(this.width) + by, 0), WIDTHS.length - 1)]);
    panel.say(
      this.width
        ? interpolate(gettext("Brush %(size)s of %(sizes)s"), {
            size: number(WIDTHS.indexOf(this.width) + 1),
            sizes: number(WIDTHS.length),
          })
        : gettext("Brush of one superpixel"),
    );
  }

  /** The look-alike of the brush; the stroke just made gets it too, if it was "not mining". @param {string} name */
  chooseLookAlike(name) {
    this.lookAlike = this.lookAlike === name && this.verdict === "not_mining" ? "" : name;
    this.choose("not_mining");
    const painting = this.#painting;
    const latest = painting ? painting.latest().filter((k) => painting.labels[k]?.verdict === "not_mining") : [];
    if (latest.length) {
      this.paintAll(latest, this.label);
    }
  }

  // A stroke of mouse or finger: begin, reach (again and again), end or abort.

  /** @param {{erase: boolean}} stroke */
  begin({ erase }) {
    this.erasing = erase || this.eraser;
    this.#painting?.begin();
  }

  /** The stroke passes over an image pixel. @param {number} x @param {number} y */
  reach(x, y) {
    const { current } = this.session;
    if (!current) {
      return;
    }
    const label = this.erasing ? null : this.label;
    const radius = this.width / 2 / this.stage.scale;
    for (const part of partsUnder(current, x, y, radius, label)) {
      current.painting.paint(part, label);
    }
  }

  end() {
    if (this.#painting) {
      this.#painted(this.#painting.commit());
    }
  }

  abort() {
    this.#painting?.abort();
  }

  /**
   * Paint some superpixels as one stroke; a null label erases. Returns how many that changed.
   * @param {number[]} superpixels
   * @param {Label | null} label
   */
  paintAll(superpixels, label) {
    const painting = this.#painting;
    if (!painting) {
      return 0;
    }
    painting.begin();
    for (const superpixel of superpixels) {
      painting.paint(superpixel, label);
    }
    const changed = painting.commit();
    if (changed.length) {
      this.#painted(changed);
    }
    return changed.length;
  }

  /**
   * All that is not painted yet gets the verdict that `verdictFor(part)` names (null: none). Settled superpixels are
   * left alone: nobody needs to label them any more; an expert who decides does so about what is asked.
   * @param {(part: number) => Verdict | null} verdictFor
   */
  rest(verdictFor) {
    const { current, deciding } = this.session;
    if (current) {
      const wanted = (/** @type {number} */ part) => {
        const verdict = isOfTheRest(current, superpixelOf(part), deciding) ? verdictFor(part) : null;
        return verdict && { verdict, lookAlike: "" };
      };
      const count = current.painting.fill(wanted, (superpixel) => current.fragments?.partsOf(superpixel) || []);
      this.#painted(current.painting.latest().slice(0, count));
    }
  }

  undo() {
    if (this.#painting) {
      this.#painted(this.#painting.undo());
    }
  }

  redo() {
    if (this.#painting) {
      this.#painted(this.#painting.redo());
    }
  }

  /**
   * After every finished stroke: say it, count it, keep it over a reload; but show it first.
   * @param {number[]} superpixels
   */
  #painted(superpixels) {
    const { current } = this.session;
    afterPaint(() => {
      if (!current || this.session.current !== current) {
        return;
      }
      if (superpixels.length) {
        sayPainted(current.painting, superpixels);
      }
      writeDraft(this.volunteer, current.tile.segmented_tile, current.painting.entries());
      this.onPainted();
    });
  }
}

/** A part as it is spoken of. @param {number} part */
export function partName(part) {
  const names = { number: superpixelOf(part), piece: fragmentOf(part) };
  return names.piece
    ? interpolate(gettext("Superpixel %(number)s, fragment %(piece)s"), names)
    : interpolate(gettext("Superpixel %(number)s"), names);
}

/** @param {Painting} painting @param {number[]} superpixels */
function sayPainted(painting, superpixels) {
  const label = painting.labels[superpixels[0]];
  const what = label ? verdictName(label.verdict) : gettext("not painted");
  const which =
    superpixels.length === 1
      ? partName(superpixels[0])
      : interpolate(ngettext("%(count)s superpixel", "%(count)s superpixels", superpixels.length), {
          count: number(superpixels.length),
        });
  panel.say(
    interpolate(gettext("%(which)s: %(what)s. %(painted)s of %(count)s painted."), {
      which,
      what,
      painted: number(painting.painted),
      count: number(painting.count),
    }),
  );
}
