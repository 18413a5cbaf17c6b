// Experts judge sampled tiles: press what is mining, send, the next one is there. Nothing comes here that would tell
// what the map says of a tile.

import { api } from "../../shared/api.js";
import { around, byId, pageData, query } from "../../shared/dom.js";
import { day, gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { toastError } from "../../shared/toast.js";
import { button } from "../desk/panel.js";
import { paints } from "../tile/gestures.js";
import { Painting } from "../tile/history.js";
import { magnify, release, sharpen } from "../tile/pictures.js";
import { Stage } from "../tile/stage.js";
import { load } from "../tile/tiles.js";

/** @typedef {{superpixels: number[], unusable?: boolean}} Marked */
/** @typedef {{tiles: number, judged: number, mine: number}} Progress */
/** @typedef {{told: {progress: Progress}, loaded: Loaded | null}} Fetched */

/** @type {Label} */
const MINING = { verdict: "mining", lookAlike: "" };

const page = pageData("sample-page");
const addressOf = (/** @type {number} */ id) => page.tile.replace(/\/0\/$/, `/${id}/`);

const stage = new Stage(byId("tile-map"), { onCoarse: coarse });
/** @type {number[]} */
const gone = []; // ids of tiles judged on this page, the latest last
/** @type {Map<number, Marked>} */
const unsent = new Map(); // tile → what was marked on it when it was left by Back
/** @type {Current | null} */
let current = null; // {tile, raster, …, painting}
/** @type {Promise<Fetched> | null} */
let ahead = null; // a promise of the next one, while this one is looked at
let busy = false;
let at = 0; // the keyboard's place
let outlined = true;
/** @type {boolean | null} */
let painting = null; // while a stroke is made: true paints, false erases

// --- tiles -----------------------------------------------------------------------------------------------------

/** The next tile with its picture, or null when nothing is left. @returns {Promise<Fetched>} */
async function fetchNext() {
  const held = current ? [current.tile.id] : [];
  const told = await api.post(page.next, { held });
  return { told, loaded: told.tile ? await load(told.tile) : null };
}

async function next() {
  busy = true;
  refresh();
  try {
    const { told, loaded } = await (ahead || fetchNext());
    ahead = null;
    showProgress(told.progress);
    if (loaded) {
      open(loaded, unsent.get(loaded.tile.id) ?? { superpixels: [] });
    } else {
      finished();
    }
  } catch (error) {
    ahead = null;
    cover(gettext("The tile could not be fetched"), error.message, { retry: true });
  } finally {
    busy = false;
    refresh();
  }
}

/** Show a tile with what this expert has said of it before. @param {Loaded} loaded @param {Marked} marked */
function open(loaded, { superpixels, unusable = false }) {
  const before = current;
  stage.show(loaded);
  if (before && before !== loaded) {
    release(before);
  }
  const painted = new Painting(
    loaded.raster.count,
    superpixels.map((superpixel) => ({ superpixel, verdict: MINING.verdict })),
    (superpixel, label) => stage.overlay.paint(superpixel, label ? label.verdict : null),
  );
  current = Object.assign(loaded, { painting: painted, unusable });
  for (const superpixel of superpixels) {
    stage.overlay.paint(superpixel, "mining");
  }
  stage.overlay.setOutlined(outlined);
  byId("cover").hidden = true;
  byId("credit").textContent = loaded.tile.source.attribution;
  byId("taken").textContent = loaded.tile.capture_date
    ? interpolate(gettext("Image of %(day)s"), { day: day(loaded.tile.capture_date) })
    : gettext("Image without a date");
  at = 0;
  refresh();
  stage.element.focus({ preventScroll: true });
  sharpen(loaded, { priority: "low" })
    .then((better) => better && current === loaded && stage.setPicture(loaded.picture))
    .catch((error) => console.warn(error.message));
  if (!ahead) {
    ahead = fetchNext();
    // Whoever takes it hears of the failure then.
    ahead.catch(() => {
      ahead = null;
    });
  }
}

function coarse() {
  const loaded = current;
  if (loaded) {
    magnify(loaded)
      .then((better) => better && current === loaded && stage.setPicture(loaded.picture))
      .catch((error) => console.warn(error.message));
  }
}

function finished() {
  if (current) {
    stage.clear();
    release(current);
    current = null;
  }
  cover(
    gettext("Nothing is left to judge here"),
    gettext("Thank you. Tiles that colleagues are looking at may come back in a quarter of an hour."),
    { leave: true },
  );
}

/** @param {string} title @param {string} text @param {{retry?: boolean, leave?: boolean}} ways */
function cover(title, text, { retry = false, leave = false } = {}) {
  byId("cover").hidden = false;
  byId("cover-title").textContent = title;
  byId("cover-text").textContent = text;
  button("retry").hidden = !retry;
  byId("cover-leave").hidden = !leave;
  (retry ? button("retry") : byId("cover-leave")).focus();
}

async function send({ unusable = false } = {}) {
  if (!current || busy) {
    return;
  }
  busy = true;
  refresh();
  const { tile } = current;
  const superpixels = unusable ? [] : chosen();
  try {
    showProgress(await api.put(addressOf(tile.id), { superpixels, unusable }));
  } catch (error) {
    busy = false;
    refresh();
    toastError(error);
    return;
  }
  unsent.delete(tile.id);
  if (gone.at(-1) !== tile.id) {
    gone.push(tile.id);
  }
  say(unusable ? gettext("Sent as unusable") : gettext("Sent"));
  await next();
}

/** The tile judged before this one, with what was said of it; what is on the stage comes again after it. */
async function back() {
  const latestGone = gone.at(-1);
  if (busy || latestGone === undefined) {
    return;
  }
  busy = true;
  refresh();
  try {
    const { tile, answer } = await api.get(addressOf(latestGone));
    const loaded = await load(tile);
    gone.pop();
    const left = current;
    if (left) {
      // It is still kept for this expert, and comes again without being asked for.
      const waiting = ahead;
      ahead = Promise.resolve({ told: { progress: latest }, loaded: await load(left.tile) });
      waiting?.then(({ loaded: unused }) => unused && release(unused)).catch(() => {});
      unsent.set(left.tile.id, { superpixels: chosen(), unusable: left.unusable });
    }
    open(loaded, answer);
  } catch (error) {
    toastError(error);
  } finally {
    busy = false;
    refresh();
  }
}

// --- what is marked --------------------------------------------------------------------------------------------

const chosen = () =>
  current
    ? current.painting
        .entries()
        .map(({ superpixel }) => superpixel)
        .sort((one, other) => one - other)
    : [];

/** @param {number} superpixel */
function toggle(superpixel) {
  current?.painting.paint(superpixel, current.painting.labels[superpixel] ? null : MINING);
  changed();
}

function changed() {
  stage.overlay.flush();
  refresh();
}

paints(stage.map, {
  mayPaint: () => Boolean(current) && !busy,
  begin: () => {
    leave();
    painting = null;
    current?.painting.begin();
  },
  // What the stroke does is settled by the first superpixel that it meets.
  reach: (x, y) => {
    const superpixel = current?.raster.at(x, y);
    if (current && superpixel) {
      painting ??= !current.painting.labels[superpixel];
      current.painting.paint(superpixel, painting ? MINING : null);
    }
  },
  drawn: () => stage.overlay.flush(),
  end: () => {
    current?.painting.commit();
    changed();
  },
  abort: () => {
    current?.painting.abort();
    changed();
  },
  hover: () => {},
});

// --- the keyboard's place --------------------------------------------------------------------------------------

/** @param {number} superpixel */
function goTo(superpixel) {
  if (!current) {
    return;
  }
  stage.element.focus({ preventScroll: true });
  at = superpixel;
  stage.overlay.cursor(superpixel);
  const { x, y } = current.raster.centres[superpixel];
  stage.reveal(x, y);
  say(
    interpolate(gettext("Superpixel %(number)s: %(what)s"), {
      number: superpixel,
      what: current.painting.labels[superpixel] ? gettext("mining") : gettext("not marked"),
    }),
  );
}

function leave() {
  if (at) {
    at = 0;
    stage.overlay.cursor(0);
  }
}

stage.element.addEventListener("blur", leave);

// --- the panel -------------------------------------------------------------------------------------------------

let latest = { tiles: 0, judged: 0, mine: 0 };

/** A tile that was fetched ahead comes with the counts of that time: they only ever grow. @param {Progress} counts */
function showProgress({ tiles, judged, mine }) {
  const progress = { tiles, judged: Math.max(judged, latest.judged), mine: Math.max(mine, latest.mine) };
  latest = progress;
  const bar = byId("progress", HTMLProgressElement);
  bar.max = Math.max(progress.tiles, 1);
  bar.value = progress.judged;
  byId("judged").textContent = interpolate(gettext("%(judged)s of %(tiles)s judged"), {
    judged: number(progress.judged),
    tiles: number(progress.tiles),
  });
  byId("mine").textContent = interpolate(gettext("%(count)s by you"), { count: number(progress.mine) });
}

function refresh() {
  const count = chosen().length;
  const ready = Boolean(current) && !busy;
  byId("chosen").textContent = !current
    ? ""
    : count
      ? interpolate(
          ngettext("%(count)s superpixel marked as mining", "%(count)s superpixels marked as mining", count),
          {
            count: number(count),
          },
        )
      : current.unusable
        ? gettext("Sent as unusable")
        : gettext("Nothing marked");
  byId("send-text").textContent = count ? gettext("Mining: next tile") : gettext("No mining");
  button("send").disabled = !ready;
  button("unusable").disabled = !ready || count > 0;
  button("back").disabled = busy || !gone.length;
  button("undo").disabled = !ready || !current?.painting.done.length;
  button("clear").disabled = !ready || !count;
}

/** @param {string} text */
function say(text) {
  byId("said").textContent = text;
}

/** @type {Record<string, () => unknown>} */
const actions = {
  retry: next,
  send,
  unusable: () => send({ unusable: true }),
  back,
  undo: () => {
    current?.painting.undo();
    changed();
  },
  clear: () => {
    const painted = current?.painting;
    painted?.begin();
    for (const superpixel of chosen()) {
      painted?.paint(superpixel, null);
    }
    painted?.commit();
    changed();
  },
  outlines: () => {
    outlined = !outlined;
    button("outlines").setAttribute("aria-pressed", String(outlined));
    stage.overlay.setOutlined(outlined);
  },
  fit: () => stage.fit(),
};

query(document, "main").addEventListener("click", (event) => {
  const pressed = around(event, "button[data-do]");
  if (pressed) {
    actions[pressed.dataset.do ?? ""]();
    if (event.detail > 0 && current) {
      stage.element.focus({ preventScroll: true });
    }
  }
});

/** @type {Record<string, string>} */
const KEYS = { u: "unusable", b: "back", h: "outlines", f: "fit" };

document.addEventListener("keydown", (event) => {
  const onStage = document.activeElement === stage.element || document.activeElement === document.body;
  if (!current || event.altKey || !onStage) {
    return;
  }
  const key = event.key.toLowerCase();
  let handled = true;
  if (key === "z" && !event.shiftKey) {
    press("undo");
  } else if (event.ctrlKey || event.metaKey) {
    handled = false;
  } else if (event.key.startsWith("Arrow")) {
    const direction = /** @type {Direction} */ (event.key.slice("Arrow".length).toLowerCase());
    goTo(at ? current.raster.neighbour(at, direction) : current.reading[0]);
  } else if (event.key === " ") {
    if (at) {
      toggle(at);
    }
    goTo(at || current.reading[0]);
  } else if (event.key === "Enter") {
    press("send");
  } else if (event.key === "Escape") {
    leave();
  } else if (KEYS[key]) {
    press(KEYS[key]);
  } else {
    handled = false;
  }
  if (handled) {
    event.preventDefault();
  }
});

/** @param {string} name */
function press(name) {
  if (!button(name).disabled) {
    actions[name]();
  }
}

next();
