// Many detections at once: ticks choose; one decision is one request, in which every detection answers for itself.

import { api } from "../../shared/api.js";
import { around, byId, pageData, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, ngettext } from "../../shared/i18n.js";
import { toast, toastError } from "../../shared/toast.js";
import { askFirst } from "./gallery_contradictions.js";
import { Chunks } from "./gallery_chunks.js";
import { wireHands } from "./gallery_hands.js";
import { wireNote } from "./gallery_note.js";
import { Decisions } from "./gallery_undo.js";
import { recount } from "./counts.js";
import { wireKeys } from "./keys.js";

const FRAME = "amber.gallery.whole";

/** @type {GalleryPage} */
const page = pageData("gallery-data");
const form = byId("gallery");
const bar = query(form, "[data-bar]");
const host = query(form, ".gallery__chunks");
const told = byId("told");
const note = wireNote(bar, () => tickOf(current)?.focus({ preventScroll: true }));
const places = new Map(page.numbers.map((number, index) => [number, index]));
const placeOf = (/** @type {number} */ number) => places.get(number) ?? 0;

/** @type {Map<number, Standing & {seen: number | null}>} */
const known = new Map(); // number -> {seen, state, waits, carried} as the server last told
/** @type {Set<number>} */
const chosen = new Set();
/** @type {Set<number>} */
const sending = new Set();
/** @type {Map<number, string>} */
const messages = new Map(); // number -> why it was not decided
const decisions = new Decisions(query(bar, "[data-undo]", HTMLButtonElement), page.written);
const begin = page.at ?? page.first;
let current = page.numbers[begin]; // the cell with the keyboard
let anchor = begin; // where a range begins
let whole = localStorage.getItem(FRAME) !== null;

// Cells -------------------------------------------------------------------------------------------------------------

const chunks = new Chunks(host, page, {
  onCell: (cell) => {
    learn(cell);
    dress(cell);
  },
});
const cellOf = (/** @type {number} */ number) => chunks.cellOf(number);
const cellsOf = (/** @type {number[]} */ numbers) => numbers.map(cellOf).filter((cell) => cell !== null);
const tickOf = (/** @type {number} */ number) => {
  const cell = cellOf(number);
  return cell && query(cell, ".shot__tick", HTMLInputElement);
};

/** @param {HTMLElement} cell */
function learn(cell) {
  const number = Number(cell.dataset.detection);
  const now = {
    seen: cell.dataset.seen ? Number(cell.dataset.seen) : null,
    state: cell.dataset.state ?? "",
    waits: "waits" in cell.dataset,
    carried: "carried" in cell.dataset,
    since: cell.dataset.since,
  };
  const before = known.get(number);
  known.set(number, now);
  if (before) {
    recount(before, now);
  }
  return number;
}

/** A cell as it has to look: its tick, its frame, what was said about it. @param {HTMLElement} cell */
function dress(cell) {
  const number = Number(cell.dataset.detection);
  const tick = query(cell, ".shot__tick", HTMLInputElement);
  tick.checked = chosen.has(number);
  tick.tabIndex = number === current ? 0 : -1;
  query(cell, ".shot__open").tabIndex = number === current ? 0 : -1;
  cell.toggleAttribute("data-chosen", chosen.has(number));
  cell.toggleAttribute("data-sending", sending.has(number));
  const picture = query(cell, ".shot__picture", SVGElement);
  picture.setAttribute("viewBox", (whole ? picture.dataset.whole : picture.dataset.close) ?? "");
  const message = query(cell, ".shot__message");
  message.textContent = messages.get(number) || "";
  message.hidden = !messages.has(number);
}

// Choosing ----------------------------------------------------------------------------------------------------------

function showChosen() {
  query(bar, "[data-chosen]").textContent = String(chosen.size);
  query(bar, "[data-clear]").hidden = chosen.size === 0;
  bar.toggleAttribute("data-some", chosen.size > 0);
}

/** Returns false where no more may be chosen. @param {number} number @param {boolean} wanted */
function choose(number, wanted) {
  if (wanted && !chosen.has(number) && chosen.size >= page.most) {
    toast(interpolate(gettext("At most %(count)s at once: decide about these first."), { count: page.most }));
    return false;
  }
  if (wanted) {
    chosen.add(number);
  } else {
    chosen.delete(number);
  }
  const cell = cellOf(number);
  if (cell) {
    dress(cell);
  }
  return true;
}

/** @param {number} from @param {number} to */
function chooseRange(from, to) {
  const [first, last] = from < to ? [from, to] : [to, from];
  page.numbers.slice(first, last + 1).every((number) => choose(number, true));
  showChosen();
}

function chooseNone() {
  const before = [...chosen];
  chosen.clear();
  cellsOf(before).forEach(dress);
  showChosen();
}

// The cell with the keyboard ----------------------------------------------------------------------------------------

/** @param {number} number */
function setCurrent(number) {
  const before = current;
  current = number;
  cellsOf([before, number]).forEach(dress);
}

/** @param {number} index @param {{extend?: boolean}} options */
async function goTo(index, { extend = false } = {}) {
  const to = Math.min(Math.max(index, 0), page.numbers.length - 1);
  const number = page.numbers[to];
  await chunks.load(to);
  setCurrent(number);
  if (extend) {
    chooseRange(anchor, to);
  } else {
    anchor = to;
  }
  const tick = tickOf(number);
  if (tick) {
    tick.focus({ preventScroll: true });
    cellOf(number)?.scrollIntoView({ block: "nearest" });
  }
}

// One alone ---------------------------------------------------------------------------------------------------------

/** The browser's Back leads to this detection, or to what is in its place by then. @param {number} number */
function remember(number) {
  const url = new URL(window.location.href);
  url.searchParams.delete("page");
  url.searchParams.set("at", String(number));
  window.history.replaceState(window.history.state, "", url);
}

/** @param {number} number */
function open(number) {
  remember(number);
  const cell = cellOf(number);
  if (cell) {
    window.location.assign(query(cell, ".shot__open", HTMLAnchorElement).href);
  }
}

// Decisions ---------------------------------------------------------------------------------------------------------

/** @type {Record<string, (n: number) => string>} */
const SAID = {
  approved: (n) => ngettext("%(n)s approved", "%(n)s approved", n),
  rejected: (n) => ngettext("%(n)s rejected", "%(n)s rejected", n),
  second: (n) => ngettext("%(n)s waits for a second opinion", "%(n)s wait for a second opinion", n),
};

/** Ask the server how these look now, and show it. @param {number[]} numbers */
async function refresh(numbers) {
  for (const cell of await chunks.fetch(numbers)) {
    const number = learn(cell);
    const shown = cellOf(number);
    if (shown) {
      const focused = shown.contains(document.activeElement);
      shown.replaceWith(cell);
      dress(cell);
      if (focused) {
        query(cell, ".shot__tick").focus({ preventScroll: true });
      }
    }
  }
}

/** @param {number[]} numbers @param {boolean} busy */
function mark(numbers, busy) {
  for (const number of numbers) {
    if (busy) {
      sending.add(number);
      messages.delete(number);
    } else {
      sending.delete(number);
    }
    const cell = cellOf(number);
    if (cell) {
      dress(cell);
    }
  }
}

/** @param {string} sentence @param {Answer[]} answers @param {Decision | null} undoable */
function tell(sentence, answers, undoable = null) {
  const missed = answers.filter((answer) => answer.message);
  for (const answer of missed) {
    messages.set(answer.detection, answer.message);
    const cell = cellOf(answer.detection);
    if (cell) {
      dress(cell);
    }
  }
  told.textContent = sentence;
  if (missed.length) {
    const count = ngettext("%(n)s of %(all)s was not changed.", "%(n)s of %(all)s were not changed.", missed.length);
    const numbers = interpolate(count, { n: missed.length, all: answers.length });
    toast(`${numbers} ${missed[0].message}`, {
      kind: "error",
      action: { label: gettext("Show it"), run: () => goTo(placeOf(missed[0].detection)) },
    });
  } else if (sentence) {
    toast(sentence, { action: undoable ? { label: gettext("Undo"), run: () => undo(undoable) } : null });
  }
}

/** @param {string} value */
async function decide(value) {
  const [verdict, lookAlike = ""] = value.split(":");
  openReasons(false);
  const wanted = chosen.size ? page.numbers.filter((number) => chosen.has(number)) : [current];
  const numbers = wanted.filter((number) => !sending.has(number));
  if (!numbers.length) {
    return;
  }
  const remark = note.take();
  const { decision, settle } = decisions.begin();
  chooseNone();
  mark(numbers, true);
  goOn(numbers);
  try {
    // What a range reached over and was never on the page goes as not seen: a verdict that it has is not overruled.
    const unseen = new Set(numbers.filter((number) => !known.has(number)));
    if (unseen.size) {
      (await chunks.fetch([...unseen])).forEach(learn);
    }
    const decide = (/** @type {number[]} */ some, /** @type {number[]} */ confirmed) =>
      api.post(page.urls.reviews, {
        verdict,
        look_alike: lookAlike,
        note: remark,
        turn: decision.turn,
        confirmed,
        detections: some.map((number) => ({
          detection: number,
          seen_review: unseen.has(number) ? null : (known.get(number)?.seen ?? null),
        })),
      });
    const { answers, sent } = await askFirst(numbers, decide, cellOf);
    const done = answers.filter((answer) => answer.outcome === "done");
    decision.reviews = done.map((answer) => answer.review);
    if (!done.length) {
      note.giveBack(remark);
    }
    await refresh(sent);
    const gone = done.length + answers.filter((answer) => answer.outcome === "unchanged").length;
    tell(gone ? interpolate(SAID[verdict](gone), { n: gone }) : "", answers, done.length ? decision : null);
  } catch (error) {
    for (const number of numbers) {
      choose(number, true);
    }
    showChosen();
    note.giveBack(remark);
    if (error.code !== "contradicts") {
      toastError(error); // otherwise the expert has looked and decided about none
    }
  } finally {
    if (!decision.reviews.length) {
      decisions.drop(decision);
    }
    mark(numbers, false);
    settle();
  }
}

/** To the cell after the last one decided, so that the hand can stay on the keys. @param {number[]} numbers */
function goOn(numbers) {
  const last = Math.max(...numbers.map(placeOf));
  const next = page.numbers.findIndex((number, index) => index > last && !sending.has(number));
  goTo(next < 0 ? last : next);
}

/**
 * Take back the decision that was sent last, or the one that a message tells of.
 * @param {Decision | undefined} decision
 */
async function undo(decision = decisions.latest) {
  if (!decision || !decisions.drop(decision)) {
    toast(gettext("There is nothing to take back."));
    return;
  }
  await decision.settled; // its cells have been asked for as well: they would come back as they were before
  const { reviews } = decision;
  if (!reviews.length) {
    return; // nothing was written, as has been told
  }
  try {
    /** @type {Answer[]} */
    const answers = await api.post(page.urls.withdraw, { reviews });
    const numbers = answers.map((answer) => answer.detection);
    await refresh(numbers);
    const back = answers.filter((answer) => answer.outcome === "done").length;
    const sentence = ngettext("%(n)s verdict is taken back", "%(n)s verdicts are taken back", back);
    tell(interpolate(sentence, { n: back }), answers);
    const first = Math.min(...numbers.map((number) => places.get(number) ?? Infinity));
    if (Number.isFinite(first)) {
      await goTo(first);
    }
  } catch (error) {
    decisions.keep(decision);
    toastError(error);
  }
}

// Controls ----------------------------------------------------------------------------------------------------------

const rejecting = () => bar.hasAttribute("data-rejecting");

/** @param {boolean} open */
function openReasons(open) {
  if (open === rejecting()) {
    return;
  }
  const button = query(bar, "[data-reject]");
  bar.toggleAttribute("data-rejecting", open);
  button.setAttribute("aria-expanded", String(open));
  if (open) {
    query(bar, ".review-reasons button").focus({ preventScroll: true });
  } else {
    (tickOf(current) ?? button).focus({ preventScroll: true });
  }
}

/** @param {boolean} wanted */
function setWhole(wanted) {
  whole = wanted;
  if (whole) {
    localStorage.setItem(FRAME, "1");
  } else {
    localStorage.removeItem(FRAME);
  }
  showFrame();
  chunks.cells().forEach(dress);
}

function showFrame() {
  query(document, "[data-frame]").setAttribute("aria-pressed", String(whole));
}

/**
 * A tick was set or taken away; ranged: with Shift, everything from the last one on.
 * @param {number} number
 * @param {boolean} wanted
 * @param {boolean} ranged
 */
function onTick(number, wanted, ranged) {
  const index = placeOf(number);
  setCurrent(number);
  if (ranged && wanted) {
    chooseRange(anchor, index);
    return;
  }
  choose(number, wanted);
  cellsOf([number]).forEach(dress); // the tick goes back where no more may be chosen
  anchor = index;
  showChosen();
}

/** @param {number} number */
function onFocus(number) {
  if (number !== current) {
    setCurrent(number);
  }
}

/** @param {number} number */
function onHold(number) {
  chooseRange(anchor, placeOf(number));
  setCurrent(number);
}

/** @type {Pressed} */
function pressed(key, event) {
  if (rejecting() && /^[1-9]$/.test(key)) {
    const reason = queryAll(bar, ".review-reasons__grid button", HTMLButtonElement)[Number(key) - 1];
    return reason ? () => decide(reason.value) : null;
  }
  const at = placeOf(current);
  const extend = event.shiftKey;
  // In the bar and the tools the arrows, Enter and Space are those of the controls.
  const inside = event.target === document.body || (event.target instanceof Node && host.contains(event.target));
  /** @type {Record<string, () => Promise<void>>} */
  const moves = {
    arrowright: () => goTo(at + 1, { extend }),
    arrowleft: () => goTo(at - 1, { extend }),
    arrowdown: () => goTo(at + chunks.columns(), { extend }),
    arrowup: () => goTo(at - chunks.columns(), { extend }),
    home: () => goTo(0, { extend }),
    end: () => goTo(page.numbers.length - 1, { extend }),
  };
  if (key in moves) {
    return inside ? moves[key] : null;
  }
  switch (key) {
    case "enter":
      return inside && !around(event, "a, button") ? () => open(current) : null;
    case "a":
      return () => decide("approved");
    case "r":
      return () => openReasons(!rejecting());
    case "s":
      return () => decide("second");
    case "u":
      return () => undo();
    case "t":
      return () => note.open(true);
    case "z":
      return () => setWhole(!whole);
    case "escape":
      return rejecting() ? () => openReasons(false) : chooseNone;
    default:
      return null;
  }
}

function wireControls() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const decision = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
    if (decision === "undo") {
      undo();
    } else if (decision) {
      decide(decision);
    }
  });
  query(bar, "[data-reject]").addEventListener("click", () => openReasons(!rejecting()));
  query(bar, "[data-clear]").addEventListener("click", chooseNone);
  query(document, "[data-frame]").addEventListener("click", () => setWhole(!whole));
  const tools = query(document, "[data-tools]", HTMLFormElement);
  tools.addEventListener("change", () => tools.submit());
  let waiting = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => chunks.measure());
  });
}

query(document, "[data-pages]").remove();
chunks.measure();
showChosen();
showFrame();
if (page.at !== null) {
  window.history.scrollRestoration = "manual"; // where one was is told by the detection
  goTo(page.at);
} else if (page.first) {
  chunks.scrollTo(page.first);
}
chunks.watch();
wireHands(host, { onTick, onFocus, onHold, onOpen: open, onLeave: remember });
// What was decided meanwhile is not on a page that the browser has kept.
window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
wireControls();
wireKeys(byId("keys-on", HTMLInputElement), pressed, ["arrowright", "arrowleft", "arrowdown", "arrowup"]);
// On a phone the tab one is on may lie beyond the edge.
document.querySelector(".review-head .tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
