// The brush: what it paints, and every change that is made to the labels of the open tile.

import { gettext, interpolate, ngettext, number } from "../shared/i18n.js";
import { writeDraft } from "./drafts.js";
import { panel, verdictName } from "./panel.js";

export class Brush {
  /** session: whose tile is open; volunteer: whose drafts are kept; onPainted(): after every finished change. */
  constructor({ session, volunteer, onPainted }) {
    Object.assign(this, { session, volunteer, onPainted });
    this.verdict = "mining";
    this.lookAlike = "";
    this.erasing = false; // for the stroke that is being made
    panel.brush(this);
  }

  /** What the brush leaves behind. */
  get label() {
    return { verdict: this.verdict, lookAlike: this.verdict === "not_mining" ? this.lookAlike : "" };
  }

  get #painting() {
    return this.session.current?.painting;
  }

  choose(verdict) {
    this.verdict = verdict;
    panel.brush(this);
  }

  /** The look-alike of the brush; the stroke just made gets it too, if it was "not mining". */
  chooseLookAlike(name) {
    this.lookAlike = this.lookAlike === name ? "" : name;
    panel.brush(this);
    const painting = this.#painting;
    const latest = painting ? painting.latest().filter((k) => painting.labels[k]?.verdict === "not_mining") : [];
    if (latest.length) {
      this.paintAll(latest, this.label);
    }
  }

  // A stroke of mouse or finger: begin, reach (again and again), end or abort.

  begin({ erase }) {
    this.erasing = erase;
    this.#painting.begin();
  }

  /** The stroke passes over an image pixel. */
  reach(x, y) {
    const superpixel = this.session.current.raster.at(x, y);
    if (superpixel) {
      this.#painting.paint(superpixel, this.erasing ? null : this.label);
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

  /** Paint some superpixels as one stroke; a null label erases. Returns how many that changed. */
  paintAll(superpixels, label) {
    const painting = this.#painting;
    painting.begin();
    superpixels.forEach((superpixel) => painting.paint(superpixel, label));
    const changed = painting.commit();
    if (changed.length) {
      this.#painted(changed);
    }
    return changed.length;
  }

  /** All that is not painted yet becomes "not mining". */
  rest() {
    const painting = this.#painting;
    if (painting) {
      const count = painting.fill({ verdict: "not_mining", lookAlike: "" });
      this.#painted(painting.latest().slice(0, count));
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

  /** After every finished stroke: say it, count it, keep it over a reload. */
  #painted(superpixels) {
    const { tile, painting } = this.session.current;
    if (superpixels.length) {
      const label = painting.labels[superpixels[0]];
      const what = label ? verdictName(label.verdict) : gettext("not painted");
      const which =
        superpixels.length === 1
          ? interpolate(gettext("Superpixel %(number)s"), { number: superpixels[0] })
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
    writeDraft(this.volunteer, tile.segmented_tile, painting.entries());
    this.onPainted();
  }
}
