// The rail beside the tile: brushes, counts, what is saved, and the cover while there is no tile to paint.

import { element } from "../shared/dom.js";
import { day, gettext, interpolate, ngettext, number } from "../shared/i18n.js";

const byId = (id) => document.getElementById(id);
const button = (name) => document.querySelector(`[data-do="${name}"]`);

/** Names as they are spoken in the middle of a sentence. */
export function verdictName(verdict) {
  return { mining: gettext("mining"), not_mining: gettext("not mining"), unsure: gettext("unsure") }[verdict];
}

export const panel = {
  /** The brush in the hand, and the look-alike that goes with "not mining". */
  brush({ verdict, lookAlike }) {
    byId("desk").dataset.brush = verdict;
    for (const choice of document.querySelectorAll("[data-verdict]")) {
      choice.setAttribute("aria-pressed", String(choice.dataset.verdict === verdict));
    }
    byId("look-alikes").hidden = verdict !== "not_mining";
    for (const chip of document.querySelectorAll("[data-look-alike]")) {
      chip.setAttribute("aria-pressed", String(chip.dataset.lookAlike === lookAlike));
    }
  },

  /** How far this tile is, and which actions make sense. `painting` is null while there is no tile. */
  painting(painting, { canGoBack, cursor, extra }) {
    const painted = painting ? painting.painted : 0;
    const count = painting ? painting.count : 0;
    byId("painted").max = Math.max(count, 1);
    byId("painted").value = painted;
    byId("painted-text").textContent = painting
      ? interpolate(gettext("%(painted)s of %(count)s superpixels painted"), {
          painted: number(painted),
          count: number(count),
        }) + (extra ? ` · ${gettext("enough people have seen this tile; you make it surer")}` : "")
      : "";
    enable(button("undo"), painting && painting.done.length > 0);
    enable(button("redo"), painting && painting.undone.length > 0);
    enable(button("rest"), painting && painted < count);
    enable(button("submit"), Boolean(painting));
    enable(button("back"), canGoBack);
    byId("next-text").textContent = painting && !painted ? gettext("Skip this tile") : gettext("Next tile");
    byId("next-key").textContent = cursor ? gettext("Ctrl ↵") : "↵";
  },

  /** Where and when the picture was taken, and whose it is. */
  place(tile) {
    const facts = [];
    if (tile.latitude !== null && tile.longitude !== null) {
      const degrees = { minimumFractionDigits: 3, maximumFractionDigits: 3 };
      facts.push(`${number(tile.latitude, degrees)}, ${number(tile.longitude, degrees)}`);
    }
    if (tile.capture_date) {
      facts.push(day(tile.capture_date));
    }
    byId("place").textContent = facts.length ? facts.join(" · ") : gettext("place and date not known");
    byId("credit").textContent = tile.source.attribution;
  },

  /** Which tile is on the stage; empty while there is none. */
  shown(segmentedTile) {
    byId("desk").dataset.tile = segmentedTile;
  },

  today(count) {
    byId("today").textContent = interpolate(
      ngettext("%(count)s tile today", "%(count)s tiles today", count),
      { count: number(count) },
    );
  },

  /** What became of the labels made so far. */
  saved({ state, tiles }, loginUrl) {
    const waiting = tiles.length;
    const place = byId("saved");
    const waits = interpolate(
      ngettext("%(count)s tile waiting to be sent", "%(count)s tiles waiting to be sent", waiting),
      { count: number(waiting) },
    );
    place.dataset.state = state;
    if (state === "saved") {
      place.textContent = gettext("all saved");
    } else if (state === "sending") {
      place.textContent = gettext("saving…");
    } else if (state === "login") {
      place.replaceChildren(
        element("a", { href: loginUrl }, gettext("Log in again")),
        ` ${gettext("to send them")}: ${waits}`,
      );
    } else {
      const why = state === "offline" ? gettext("offline") : gettext("the server does not answer");
      place.textContent = `${why}, ${waits}`;
    }
  },

  /** Say something over the empty stage; `ways` names the buttons to show: "retry", "skipped", "mine". */
  cover(title, text = "", ways = []) {
    byId("cover").hidden = false;
    byId("cover-title").textContent = title;
    byId("cover-text").textContent = text;
    button("retry").hidden = !ways.includes("retry");
    button("skipped").hidden = !ways.includes("skipped");
    byId("cover-mine").hidden = !ways.includes("mine");
  },

  uncover() {
    byId("cover").hidden = true;
  },

  /** Read aloud, not shown. */
  say(sentence) {
    byId("said").textContent = sentence;
  },

  pressed(name, on) {
    button(name).setAttribute("aria-pressed", String(on));
  },
};

function enable(target, on) {
  target.disabled = !on;
}
