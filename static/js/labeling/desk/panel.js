// The rail beside the tile: brushes, counts, what is saved, and the cover while there is no tile to paint.

import { byId, element, query, queryAll } from "../../shared/dom.js";
import { day, gettext, interpolate, language, ngettext, number } from "../../shared/i18n.js";

/** The button that does this. @param {string} name */
export const button = (name) => query(document, `[data-do="${name}"]`, HTMLButtonElement);

const clock = (/** @type {string} */ moment) =>
  new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(moment));

/** Names as they are spoken in the middle of a sentence. @param {Verdict} verdict @returns {string} */
export function verdictName(verdict) {
  return {
    mining: gettext("mining"),
    not_mining: gettext("not mining"),
    unsure: gettext("unsure"),
    mixed: gettext("mixed"),
  }[verdict];
}

export const panel = {
  button,

  /**
   * The brush in the hand, how wide it is, and the look-alike that goes with "not mining".
   * @param {{verdict: Verdict, lookAlike: string, eraser: boolean, width: number}} brush
   */
  brush({ verdict, lookAlike, eraser, width }) {
    byId("desk").dataset.brush = eraser ? "eraser" : verdict;
    for (const choice of queryAll(document, "[data-verdict]")) {
      choice.setAttribute("aria-pressed", String(choice.dataset.verdict === verdict && !eraser));
    }
    button("eraser").setAttribute("aria-pressed", String(eraser));
    for (const size of queryAll(document, "[data-width]")) {
      size.setAttribute("aria-pressed", String(Number(size.dataset.width) === width));
    }
    byId("look-alikes").hidden = verdict !== "not_mining" || eraser;
    for (const chip of queryAll(document, "[data-look-alike]")) {
      chip.setAttribute("aria-pressed", String(chip.dataset.lookAlike === lookAlike));
    }
  },

  /**
   * How far this tile is, and which actions make sense. `painting` is null while there is no tile.
   * @param {Painting | null} painting
   * @param {{canGoBack: boolean, cursor: number, rest: number, suggested: number}} ways
   */
  painting(painting, { canGoBack, cursor, rest, suggested }) {
    const painted = painting ? painting.painted : 0;
    const count = painting ? painting.count : 0;
    const bar = byId("painted", HTMLProgressElement);
    bar.max = Math.max(count, 1);
    bar.value = painted;
    const complete = Boolean(painting) && !rest;
    byId("painted-text").dataset.complete = String(complete);
    byId("painted-text").textContent = painting ? howFar(painted, rest) : "";
    button("undo").disabled = !painting?.done.length;
    button("redo").disabled = !painting?.undone.length;
    button("rest").disabled = !painting || !rest;
    button("rest-suggested").disabled = !painting || !suggested;
    // A grey button says why it is grey.
    button("rest").title = complete ? gettext("Everything has a verdict") : "";
    button("rest-suggested").title = complete
      ? gettext("Everything has a verdict")
      : painting && !suggested
        ? gettext("No suggestion is left on this tile")
        : "";
    button("submit").disabled = !painting;
    // Bright is what hands something in; an untouched tile is only passed over.
    button("submit").classList.toggle("btn--primary", painted > 0);
    button("submit").classList.toggle("btn--quiet", painted === 0);
    button("back").disabled = !canGoBack;
    byId("next-text").textContent = painting && !painted ? gettext("Skip this tile") : gettext("Next tile");
    byId("next-key").textContent = cursor ? gettext("Ctrl ↵") : "↵";
  },

  /** Where and when the picture was taken, and whose it is. @param {Tile} tile */
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

  /** Which tile is on the stage; empty while there is none. @param {number | ""} segmentedTile */
  shown(segmentedTile) {
    byId("desk").dataset.tile = String(segmentedTile);
  },

  /**
   * What lies under the paint: whether there are suggestions and settled superpixels, and whether they are shown.
   * @param {{suggestions: boolean, shown: boolean, settled: boolean}} notes
   */
  notes({ suggestions, shown, settled }) {
    byId("desk").toggleAttribute("data-suggestions", suggestions);
    button("suggestions").hidden = !suggestions;
    button("rest-suggested").hidden = !(suggestions && shown);
    this.pressed("suggestions", shown);
    byId("legend").hidden = !(suggestions && shown) && !settled;
    byId("legend-suggested").hidden = !(suggestions && shown);
    byId("legend-settled").hidden = !settled;
  },

  /**
   * For how long the tile is this person's: "kept" until a time, "lost", "spare" (it wants no more votes) or "none".
   * @param {string} state
   * @param {string | null} [until]
   */
  lease(state, until) {
    /** @type {Record<string, string>} */
    const sentences = {
      kept: !until ? "" : interpolate(gettext("Reserved for you until %(time)s"), { time: clock(until) }),
      lost: gettext(
        "Somebody else may label this tile too. What you send is kept, and counts if the tile still wants it.",
      ),
      spare: gettext("This tile wants no vote of yours for now. What you send is kept, and does not count yet."),
      none: "",
    };
    byId("lease").textContent = sentences[state];
    byId("lease").dataset.state = state;
  },

  /**
   * Read aloud when a tile arrives. region: its name, empty where the site has only one.
   * @param {number} count
   * @param {string} region
   */
  arrived(count, region) {
    const superpixels = interpolate(ngettext("%(count)s superpixel", "%(count)s superpixels", count), {
      count: number(count),
    });
    this.say(
      region
        ? interpolate(gettext("Tile shown: %(superpixels)s, region %(region)s"), { superpixels, region })
        : interpolate(gettext("Tile shown: %(superpixels)s"), { superpixels }),
    );
  },

  /** How many tiles are here with everything that belongs to them. @param {number} count */
  ready(count) {
    byId("desk").dataset.ready = String(count);
  },

  /** @param {number} count */
  today(count) {
    byId("today").textContent = interpolate(ngettext("%(count)s tile today", "%(count)s tiles today", count), {
      count: number(count),
    });
  },

  /** What became of the labels made so far. @param {Mail} mail @param {string} loginUrl */
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

  /**
   * Say something over the empty stage; `ways` names the buttons to show: "retry", "skipped", "mine".
   * @param {string} title
   * @param {string} text
   * @param {string[]} ways
   */
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

  /** Read aloud, not shown. @param {string} sentence */
  say(sentence) {
    byId("said").textContent = sentence;
  },

  /** @param {string} name @param {boolean} on */
  pressed(name, on) {
    button(name).setAttribute("aria-pressed", String(on));
  },
};

/** @param {number} painted @param {number} rest */
function howFar(painted, rest) {
  return rest
    ? interpolate(gettext("%(painted)s labelled · %(left)s unlabelled"), {
        painted: number(painted),
        left: number(rest),
      })
    : gettext("Everything has a verdict");
}
