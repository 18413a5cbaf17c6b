// Many detections at once: ticks choose; one decision is one request, in which every detection answers for itself.

import { api } from "../shared/api.js";
import { pageData } from "../shared/dom.js";
import { gettext, interpolate, ngettext } from "../shared/i18n.js";
import { toast, toastError } from "../shared/toast.js";
import { Chunks } from "./gallery_chunks.js";
import { wireHands } from "./gallery_hands.js";
import { wireNote } from "./gallery_note.js";
import { recount } from "./review_counts.js";
import { wireKeys } from "./review_keys.js";

const FRAME = "amber.gallery.whole";

const page = pageData("gallery-data");
const form = document.getElementById("gallery");
const bar = form.querySelector("[data-bar]");
const host = form.querySelector(".gallery__chunks");
const told = document.getElementById("told");
const note = wireNote(bar, () => tickOf(current)?.focus({ preventScroll: true }));
const place = new Map(page.numbers.map((number, index) => [number, index]));

const known = new Map(); // number -> {seen, state, waits, carried} as the server last told
const chosen = new Set();
const sending = new Set();
const messages = new Map(); // number -> why it was not decided
// What Undo takes back, in the order of sending, not of the answers: {turn, settled, reviews}.
const decisions = page.written.length ? [{ turn: 0, settled: Promise.resolve(), reviews: page.written }] : [];
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
const cellOf = (number) => chunks.cellOf(number);
const tickOf = (number) => cellOf(number)?.querySelector(".shot__tick");

function learn(cell) {
  const number = Number(cell.dataset.detection);
  const now = {
    seen: cell.dataset.seen ? Number(cell.dataset.seen) : null,
    state: cell.dataset.state,
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

/** A cell as it has to look: its tick, its frame, what was said about it. */
function dress(cell) {
  const number = Number(cell.dataset.detection);
  const tick = cell.querySelector(".shot__tick");
  tick.checked = chosen.has(number);
  tick.tabIndex = number === current ? 0 : -1;
  cell.querySelector(".shot__open").tabIndex = number === current ? 0 : -1;
  cell.toggleAttribute("data-chosen", chosen.has(number));
  cell.toggleAttribute("data-sending", sending.has(number));
  const picture = cell.querySelector(".shot__picture");
  picture.setAttribute("viewBox", whole ? picture.dataset.whole : picture.dataset.close);
  const message = cell.querySelector(".shot__message");
  message.textContent = messages.get(number) || "";
  message.hidden = !messages.has(number);
}

// Choosing ----------------------------------------------------------------------------------------------------------

function showChosen() {
  bar.querySelector("[data-chosen]").textContent = String(chosen.size);
  bar.querySelector("[data-clear]").hidden = chosen.size === 0;
  bar.toggleAttribute("data-some", chosen.size > 0);
}

/** Returns false where no more may be chosen. */
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

function chooseRange(from, to) {
  const [first, last] = from < to ? [from, to] : [to, from];
  page.numbers.slice(first, last + 1).every((number) => choose(number, true));
  showChosen();
}

function chooseNone() {
  const before = [...chosen];
  chosen.clear();
  before.map(cellOf).filter(Boolean).forEach(dress);
  showChosen();
}

// The cell with the keyboard ----------------------------------------------------------------------------------------

function setCurrent(number) {
  const before = current;
  current = number;
  [before, number].map(cellOf).filter(Boolean).forEach(dress);
}

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
    cellOf(number).scrollIntoView({ block: "nearest" });
  }
}

// One alone ---------------------------------------------------------------------------------------------------------

/** The browser's Back leads to this detection, or to what is in its place by then. */
function remember(number) {
  const url = new URL(window.location.href);
  url.searchParams.delete("page");
  url.searchParams.set("at", number);
  window.history.replaceState(window.history.state, "", url);
}

function open(number) {
  remember(number);
  window.location.assign(cellOf(number).querySelector(".shot__open").href);
}

// Decisions ---------------------------------------------------------------------------------------------------------

const SAID = {
  approved: (n) => ngettext("%(n)s approved", "%(n)s approved", n),
  rejected: (n) => ngettext("%(n)s rejected", "%(n)s rejected", n),
  second: (n) => ngettext("%(n)s waits for a second opinion", "%(n)s wait for a second opinion", n),
};

/** Ask the server how these look now, and show it. */
async function refresh(numbers) {
  for (const cell of await chunks.fetch(numbers)) {
    const number = learn(cell);
    const shown = cellOf(number);
    if (shown) {
      const focused = shown.contains(document.activeElement);
      shown.replaceWith(cell);
      dress(cell);
      if (focused) {
        cell.querySelector(".shot__tick").focus({ preventScroll: true });
      }
    }
  }
}

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
      action: { label: gettext("Show it"), run: () => goTo(place.get(missed[0].detection)) },
    });
  } else if (sentence) {
    toast(sentence, { action: undoable ? { label: gettext("Undo"), run: () => undo(undoable) } : null });
  }
}

async function decide(value) {
  const [verdict, lookAlike = ""] = value.split(":");
  openReasons(false);
  const wanted = chosen.size ? page.numbers.filter((number) => chosen.has(number)) : [current];
  const numbers = wanted.filter((number) => !sending.has(number));
  if (!numbers.length) {
    return;
  }
  const remark = note.take();
  let settled = null;
  // The time, but rising: other tabs of this session number theirs too, and the server keeps the latest of all.
  const turn = Math.max(Date.now(), (decisions.at(-1)?.turn ?? 0) + 1);
  const decision = { turn, settled: new Promise((resolve) => (settled = resolve)), reviews: [] };
  decisions.push(decision);
  showUndo();
  chooseNone();
  mark(numbers, true);
  goOn(numbers);
  try {
    // What a range reached over and was never on the page goes as not seen: a verdict that it has is not overruled.
    const unseen = new Set(numbers.filter((number) => !known.has(number)));
    if (unseen.size) {
      (await chunks.fetch([...unseen])).forEach(learn);
    }
    const answers = await api.post(page.urls.reviews, {
      verdict,
      look_alike: lookAlike,
      note: remark,
      turn,
      detections: numbers.map((number) => ({
        detection: number,
        seen_review: unseen.has(number) ? null : known.get(number).seen,
      })),
    });
    const done = answers.filter((answer) => answer.outcome === "done");
    decision.reviews = done.map((answer) => answer.review);
    if (!done.length) {
      note.giveBack(remark);
    }
    await refresh(numbers);
    const gone = done.length + answers.filter((answer) => answer.outcome === "unchanged").length;
    tell(gone ? interpolate(SAID[verdict](gone), { n: gone }) : "", answers, done.length ? decision : null);
  } catch (error) {
    numbers.forEach((number) => choose(number, true));
    showChosen();
    note.giveBack(remark);
    toastError(error);
  } finally {
    if (!decision.reviews.length) {
      drop(decision);
    }
    mark(numbers, false);
    showUndo();
    settled();
  }
}

/** Returns false where it was taken back already. */
function drop(decision) {
  const at = decisions.indexOf(decision);
  if (at >= 0) {
    decisions.splice(at, 1);
  }
  return at >= 0;
}

/** To the cell after the last one decided, so that the hand can stay on the keys. */
function goOn(numbers) {
  const last = Math.max(...numbers.map((number) => place.get(number)));
  const next = page.numbers.findIndex((number, index) => index > last && !sending.has(number));
  goTo(next < 0 ? last : next);
}

/** Take back the decision that was sent last, or the one that a message tells of. */
async function undo(decision = decisions.at(-1)) {
  if (!decision || !drop(decision)) {
    toast(gettext("There is nothing to take back."));
    return;
  }
  showUndo();
  await decision.settled; // its cells have been asked for as well: they would come back as they were before
  const { reviews } = decision;
  if (!reviews.length) {
    return; // nothing was written, as has been told
  }
  try {
    const answers = await api.post(page.urls.withdraw, { reviews });
    const numbers = answers.map((answer) => answer.detection);
    await refresh(numbers);
    const back = answers.filter((answer) => answer.outcome === "done").length;
    const sentence = ngettext("%(n)s verdict is taken back", "%(n)s verdicts are taken back", back);
    tell(interpolate(sentence, { n: back }), answers);
    const first = Math.min(...numbers.map((number) => place.get(number) ?? Infinity));
    if (Number.isFinite(first)) {
      await goTo(first);
    }
  } catch (error) {
    decisions.push(decision);
    decisions.sort((one, other) => one.turn - other.turn);
    showUndo();
    toastError(error);
  }
}

function showUndo() {
  bar.querySelector("[data-undo]").disabled = decisions.length === 0;
}

// Controls ----------------------------------------------------------------------------------------------------------

const rejecting = () => bar.hasAttribute("data-rejecting");

function openReasons(open) {
  if (open === rejecting()) {
    return;
  }
  const button = bar.querySelector("[data-reject]");
  bar.toggleAttribute("data-rejecting", open);
  button.setAttribute("aria-expanded", String(open));
  if (open) {
    bar.querySelector(".review-reasons button").focus({ preventScroll: true });
  } else {
    (tickOf(current) ?? button).focus({ preventScroll: true });
  }
}

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
  document.querySelector("[data-frame]").setAttribute("aria-pressed", String(whole));
}

/** A tick was set or taken away; ranged: with Shift, everything from the last one on. */
function onTick(number, wanted, ranged) {
  const index = place.get(number);
  setCurrent(number);
  if (ranged && wanted) {
    chooseRange(anchor, index);
    return;
  }
  choose(number, wanted);
  dress(cellOf(number)); // the tick goes back where no more may be chosen
  anchor = index;
  showChosen();
}

function onFocus(number) {
  if (number !== current) {
    setCurrent(number);
  }
}

function onHold(number) {
  chooseRange(anchor, place.get(number));
  setCurrent(number);
}

function pressed(key, event) {
  if (rejecting() && /^[1-9]$/.test(key)) {
    const reason = bar.querySelectorAll(".review-reasons__grid button")[Number(key) - 1];
    return reason ? () => decide(reason.value) : null;
  }
  const at = place.get(current);
  const extend = event.shiftKey;
  // In the bar and the tools the arrows, Enter and Space are those of the controls.
  const inside = event.target === document.body || host.contains(event.target);
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
      return inside && !event.target.closest("a, button")
        ? () => open(current)
        : null;
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
    const decision = event.submitter?.value;
    if (decision === "undo") {
      undo();
    } else if (decision) {
      decide(decision);
    }
  });
  bar.querySelector("[data-reject]").addEventListener("click", () => openReasons(!rejecting()));
  bar.querySelector("[data-clear]").addEventListener("click", chooseNone);
  document.querySelector("[data-frame]").addEventListener("click", () => setWhole(!whole));
  const tools = document.querySelector("[data-tools]");
  tools.addEventListener("change", () => tools.submit());
  let waiting = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => chunks.measure());
  });
}

document.querySelector("[data-pages]").remove();
chunks.measure();
showChosen();
showUndo();
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
wireKeys(document.getElementById("keys-on"), pressed, ["arrowright", "arrowleft", "arrowdown", "arrowup"]);
// On a phone the tab one is on may lie beyond the edge.
document.querySelector(".review-head .tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
