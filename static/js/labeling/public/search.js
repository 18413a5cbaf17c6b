// The search box of the public map: a combobox with a list (WAI-ARIA pattern). Names are fetched when it is first used.

import { around, byId, element } from "../../shared/dom.js";
import { gettext, interpolate, language, ngettext, number } from "../../shared/i18n.js";
import { L, colour, escapeHtml } from "../../shared/map.js";
import { findIds, findNames, maybeId, nameIndex, readCoordinates } from "./names.js";

const KINDS = {
  district: () => gettext("district"),
  name: () => gettext("village or town"),
  place: () => gettext("place on the map"),
  point: () => gettext("coordinates"),
};

/** The mark on the ground of what was searched for. @param {{latitude: number, longitude: number, label: string}} place */
export function markOf({ latitude, longitude, label }) {
  const ring = { radius: 9, weight: 3, color: colour("--text"), fillOpacity: 0, interactive: false };
  return L.circleMarker([latitude, longitude], ring).bindTooltip(escapeHtml(label), {
    permanent: true,
    direction: "top",
    offset: [0, -8],
    className: "map-tip",
  });
}

export class MapSearch {
  /**
   * data: ReleaseData; go(choice) follows {kind, label, name | id | latitude, longitude}.
   * @param {ReleaseData} data
   * @param {{go: (choice: SearchChoice) => void}} calls
   */
  constructor(data, { go }) {
    this.data = data;
    this.go = go;
    this.box = byId("search");
    this.field = byId("search-field", HTMLInputElement);
    this.list = byId("search-options");
    this.status = byId("search-status");
    this.opener = byId("search-open");
    /** @type {SearchChoice[]} */
    this.choices = [];
    this.active = -1;
    this.turn = 0;
    /** @type {IndexedChoice[] | null} */
    this.index = null;
    this.field.addEventListener("input", () => this.look());
    this.field.addEventListener("focus", () => this.wake());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("focusout", (event) => {
      if (!(event.relatedTarget instanceof Node && this.box.contains(event.relatedTarget))) {
        this.close();
      }
    });
    // Pressing an option must not take the focus out of the field before it is chosen.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = around(event, "[role=option]");
      if (option) {
        this.choose(this.choices[Number(option.dataset.index)]);
      }
    });
    byId("search-close").addEventListener("click", () => this.leave());
    this.wake();
  }

  /** The field has the focus, perhaps with something typed before this script was there. */
  wake() {
    this.names().catch(() => {}); // asked again, and told of, when something is typed
    if (this.field.value) {
      this.look();
    }
  }

  /** On a phone the box lies over the map's head only while it is used. @param {boolean} open */
  show(open) {
    document.body.classList.toggle("is-searching", open);
    this.opener.setAttribute("aria-expanded", String(open));
  }

  leave() {
    this.close();
    const folded = getComputedStyle(this.opener).display !== "none";
    this.show(false);
    if (folded) {
      this.opener.focus({ preventScroll: true });
    }
  }

  async names() {
    if (!this.index) {
      const [{ districts }, { names }] = await Promise.all([this.data.districts(), this.data.names()]);
      /** @type {(name: string, other?: Record<string, string> | null) => string[]} */
      const spelt = (name, other) => [name, ...Object.values(other || {})];
      this.index = nameIndex([
        ...districts.map(({ name, names: other }) => ({
          kind: /** @type {const} */ ("district"),
          name,
          label: other?.[language] || name,
          names: spelt(name, other),
        })),
        ...names.map(([name, other, latitude, longitude]) => ({
          kind: /** @type {const} */ ("name"),
          label: other?.[language] || name,
          names: spelt(name, other),
          latitude,
          longitude,
        })),
      ]);
    }
    return this.index;
  }

  async look() {
    this.turn += 1;
    const { turn } = this;
    const text = this.field.value.trim();
    if (!text) {
      this.close();
      return;
    }
    /** @type {SearchChoice[]} */
    let found = [];
    let problem = "";
    const point = readCoordinates(text);
    if (point) {
      const written = [point.latitude, point.longitude].map((one) => number(one, { maximumFractionDigits: 5 }));
      const label = written.join("; ");
      found = [{ kind: "point", label, ...point }];
    } else {
      try {
        found = findNames(await this.names(), text);
        if (maybeId(text)) {
          const { ids } = await this.data.ids();
          found.push(
            ...findIds(ids, text).map(([id, latitude, longitude]) => ({
              kind: /** @type {const} */ ("place"),
              label: id,
              id,
              latitude,
              longitude,
            })),
          );
        }
      } catch (error) {
        problem = error.message;
      }
    }
    if (turn === this.turn && this.field.value.trim()) {
      this.fill(found, problem);
    }
  }

  /** @param {SearchChoice[]} found @param {string} problem */
  fill(found, problem) {
    this.choices = found;
    this.active = -1;
    const nothing = problem || gettext("Nothing found. Try another spelling, or coordinates such as 51.3, 26.9");
    this.list.replaceChildren(
      ...found.map((choice, index) =>
        element(
          "li",
          { role: "option", id: `search-option-${index}`, "aria-selected": "false", "data-index": index },
          element("span", { class: "map-search__name" }, choice.label),
          element("span", { class: "map-search__kind" }, KINDS[choice.kind]()),
        ),
      ),
    );
    byId("search-nothing").textContent = found.length ? "" : nothing;
    byId("search-nothing").hidden = Boolean(found.length);
    this.list.hidden = !found.length;
    this.field.setAttribute("aria-expanded", String(Boolean(found.length)));
    this.field.removeAttribute("aria-activedescendant");
    this.status.textContent = found.length
      ? interpolate(ngettext("%(count)s found", "%(count)s found", found.length), { count: number(found.length) })
      : nothing;
  }

  close() {
    this.turn += 1;
    this.choices = [];
    this.active = -1;
    this.list.hidden = true;
    byId("search-nothing").hidden = true;
    this.status.textContent = "";
    this.field.setAttribute("aria-expanded", "false");
    this.field.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const last = this.choices.length - 1;
    if (event.key === "Enter") {
      event.preventDefault();
      const choice = this.choices[Math.max(this.active, 0)];
      if (choice) {
        this.choose(choice);
      }
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      if (this.choices.length || !byId("search-nothing").hidden) {
        this.close();
      } else if (this.field.value) {
        this.field.value = "";
      } else {
        this.leave();
      }
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (last < 0) {
        this.look();
      } else if (event.key === "ArrowDown") {
        this.mark(this.active >= last ? 0 : this.active + 1);
      } else {
        this.mark(this.active <= 0 ? last : this.active - 1);
      }
    }
  }

  /** @param {number} index */
  mark(index) {
    this.active = index;
    for (const [place, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(place === index));
    }
    this.field.setAttribute("aria-activedescendant", `search-option-${index}`);
    this.list.children[index].scrollIntoView({ block: "nearest" });
  }

  /** @param {SearchChoice} choice */
  choose(choice) {
    this.field.value = choice.label;
    this.close();
    this.show(false);
    this.go(choice);
  }
}
