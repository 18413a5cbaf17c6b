// Reviewing without waiting: a verdict is sent while the next card is already shown; when the server refuses it (a
// colleague was quicker, the network is away) the expert is told and the detection comes back into the queue.

import { api } from "../../shared/api.js";
import { around, byId, pageData, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate } from "../../shared/i18n.js";
import { toast, toastError } from "../../shared/toast.js";
import { wireCorrection } from "./correction.js";
import { recount } from "./counts.js";
import { wireKeys } from "./keys.js";
import { wirePicture } from "./picture.js";

const page = pageData("review");
const host = byId("card");

/** @type {number[]} */
const queue = page.queue; // numbers of the detections still to see, in their order
/** @type {number[]} */
const visited = []; // what Back goes to
/** @type {Map<number, Promise<string>>} */
const cards = new Map(); // number -> promise of the card's HTML, fetched ahead
/** @type {Map<number, Promise<any>>} */
const sending = new Map(); // number -> promise of the verdict's answer
/** @type {Map<number, string>} */
const unsaid = new Map(); // number -> the note of a verdict that was refused
let place = 0; // where in the queue we are, or go on when the shown card is not in it
/** @type {ReturnType<typeof wirePicture>} */
let picture;
/** @type {ReturnType<typeof wireCorrection>} */
let correction;
/** @type {Map<number, Correction>} */
const uncorrected = new Map(); // number -> the correction of an approval that was refused
/** @type {{number: number, review: number, decided: Standing, was: Standing} | null} */
let latest = null; // the last verdict that was saved from here
let closeTold = () => {};
let turn = 0; // which card was asked for last: a slower one before it is not shown

const card = () => query(host, ".review-card");
const shownNumber = () => Number(card().dataset.detection);
const address = (/** @type {string} */ name, /** @type {number} */ number) =>
  page.urls[name].replace("/0/", `/${number}/`);
const pageAddress = (/** @type {number} */ number) => `${address("page", number)}?${page.way}`;

// Cards -----------------------------------------------------------------------------------------------------------

/** @param {number} number @returns {Promise<string>} */
async function readCard(number) {
  await sending.get(number)?.catch(() => {});
  const response = await api.get(`${address("card", number)}?${page.way}`);
  return response.text();
}

/** @param {number} number */
function fetchCard(number) {
  let reading = cards.get(number);
  if (!reading) {
    reading = readCard(number);
    reading.catch(() => cards.delete(number));
    cards.set(number, reading);
  }
  return reading;
}

/** @param {string} html */
function parse(html) {
  return query(new DOMParser().parseFromString(html, "text/html"), ".review-card");
}

/** Fetch the card that comes next, and its picture into the browser's cache. */
async function lookAhead() {
  const next = nextNumber();
  if (next === null) {
    return;
  }
  try {
    // Those around it are fetched when asked for.
    const image = parse(await fetchCard(next)).querySelector("image[data-picture]");
    new Image().src = image?.getAttribute("href") ?? "";
  } catch {
    // It is asked for again, and told, when the expert gets there.
  }
}

function nextNumber() {
  const at = queue.indexOf(shownNumber());
  if (at < 0) {
    return queue.length ? queue[place % queue.length] : null;
  }
  return queue.length > 1 ? queue[(at + 1) % queue.length] : null;
}

/** @param {number} number @param {{push?: boolean}} options */
async function show(number, { push = true } = {}) {
  turn += 1;
  const mine = turn;
  host.setAttribute("aria-busy", "true");
  try {
    const made = parse(await fetchCard(number));
    cards.delete(number); // it is out of date as soon as somebody judges it
    if (mine !== turn) {
      return;
    }
    host.replaceChildren(document.adoptNode(made));
    const at = queue.indexOf(number);
    place = at < 0 ? place : at;
    if (push) {
      window.history.pushState({ number }, "", pageAddress(number));
    }
    wireCard();
    window.scrollTo({ top: 0, behavior: "instant" });
    query(host, "#card-title").focus({ preventScroll: true });
    lookAhead();
  } catch (error) {
    if (mine === turn) {
      toastError(error);
    }
  } finally {
    if (mine === turn) {
      host.removeAttribute("aria-busy");
    }
  }
}

async function goOn() {
  const next = nextNumber();
  if (next !== null) {
    visited.push(shownNumber());
    await show(next);
    return;
  }
  if (queue.length) {
    toast(gettext("This is the only one left in the list."));
    return;
  }
  const answers = await Promise.allSettled(sending.values());
  if (answers.every((answer) => answer.status === "fulfilled")) {
    window.location.assign(page.urls.end);
  }
}

function goBack() {
  const before = visited.pop();
  if (before === undefined) {
    toast(gettext("There is nothing before this one."));
  } else {
    show(before);
  }
}

// Verdicts --------------------------------------------------------------------------------------------------------

/** @param {string} verdict */
function staysInQueue(verdict) {
  return page.state === "all" || page.state === verdict;
}

/** @type {Record<string, string>} */
const SAID = {
  approved: gettext("Approved: %(name)s"),
  rejected: gettext("Rejected: %(name)s"),
  second: gettext("A second opinion is asked for: %(name)s"),
};

/** @param {string} decision */
async function decide(decision) {
  const [verdict, lookAlike = ""] = decision.split(":");
  const { detection, seen, verdict: before = "" } = card().dataset;
  const { since } = card().dataset;
  const was = { state: before, since, carried: "carried" in card().dataset, waits: "waits" in card().dataset };
  // What this expert has said no longer waits for them, whatever their colleagues say of it.
  const hoped = { state: verdict };
  const number = Number(detection);
  if (sending.has(number)) {
    return;
  }
  const body = {
    verdict,
    look_alike: lookAlike,
    note: query(card(), "[name=note]", HTMLTextAreaElement).value,
    seen_review: seen ? Number(seen) : null,
    ...(verdict === "approved" ? correction.said() : null),
  };
  recount(was, hoped);
  const sent = api.post(address("reviews", number), body, { keepalive: true });
  sending.set(number, sent);
  const name = query(host, "#card-title").textContent?.trim() ?? "";
  const moved = leave(number, verdict);
  try {
    const { id, state } = await sent;
    sending.delete(number);
    unsaid.delete(number);
    uncorrected.delete(number);
    latest = { number, review: id, decided: { state }, was };
    closeTold();
    closeTold = toast(interpolate(SAID[verdict], { name }), {
      action: { label: gettext("Undo"), run: takeLatestBack },
    });
    if (state && state !== verdict) {
      recount(hoped, { state });
      toast(gettext("Another expert has said the opposite: the place is disputed until a third one settles it."));
    }
  } catch (error) {
    sending.delete(number);
    recount(hoped, was);
    if (body.note) {
      unsaid.set(number, body.note);
    }
    if (body.superpixels) {
      uncorrected.set(number, { superpixels: body.superpixels, fragments: body.fragments ?? [] });
    }
    comeBack(number);
    cards.delete(number);
    await moved; // the answer may be quicker than the next card: what is on the page is known only then
    if (shownNumber() === number) {
      await show(number, { push: false });
    }
    toast(error.name === "ApiError" ? error.message : gettext("The verdict was not saved."), {
      kind: "error",
      action: shownNumber() === number ? null : { label: gettext("Show it"), run: () => show(number) },
    });
  }
  await moved;
}

/**
 * Take the judged detection out of the queue where it no longer belongs, and show the next one.
 * @param {number} number
 * @param {string} verdict
 */
function leave(number, verdict) {
  const at = queue.indexOf(number);
  if (at < 0 || staysInQueue(verdict)) {
    return goOn();
  }
  queue.splice(at, 1);
  place = at;
  return goOn();
}

/**
 * Before the one on the screen, so that the expert who looks at it again comes back here afterwards.
 * @param {number} number
 */
function comeBack(number) {
  if (!queue.includes(number)) {
    const at = queue.indexOf(shownNumber());
    queue.splice(at < 0 ? place : at, 0, number);
  }
}

/**
 * Take back one's own latest verdict on what is shown; the card then says what stands.
 * @param {HTMLButtonElement} button
 */
async function takeBack(button) {
  const number = shownNumber();
  const { verdict: before = "", since } = card().dataset;
  button.disabled = true;
  try {
    const [answer] = await api.post(page.urls.withdraw, { reviews: [Number(button.dataset.withdraw)] });
    cards.delete(number);
    if (answer.outcome === "done") {
      recount({ state: before }, { state: answer.state, since, waits: true });
      toast(gettext("Your verdict is taken back."));
    } else if (answer.message) {
      toast(answer.message, { kind: "error" });
    }
    await show(number, { push: false });
  } catch (error) {
    button.disabled = false;
    toastError(error);
  }
}

/** The last verdict from here, wherever one has come since. */
async function takeLatestBack() {
  if (!latest) {
    toast(gettext("There is nothing to take back."));
    return;
  }
  const { number, review, decided, was } = latest;
  latest = null;
  closeTold();
  try {
    const [answer] = await api.post(page.urls.withdraw, { reviews: [review] });
    cards.delete(number);
    if (answer.outcome === "done") {
      recount(decided, { ...was, state: answer.state });
      toast(gettext("Your verdict is taken back."));
    } else if (answer.message) {
      toast(answer.message, { kind: "error" });
    }
    comeBack(number);
    await show(number);
  } catch (error) {
    toastError(error);
  }
}

// The card's controls ---------------------------------------------------------------------------------------------

const rejecting = () => query(card(), ".review-decide").hasAttribute("data-rejecting");

/** @param {boolean} open */
function openReasons(open) {
  const form = query(card(), ".review-decide");
  const button = query(form, "[data-reject]");
  form.toggleAttribute("data-rejecting", open);
  button.setAttribute("aria-expanded", String(open));
  (open ? query(form, ".review-reasons button") : button).focus();
}

/** The way to the gallery leads to what is shown here. */
function pointGallery() {
  const link = query(document, "[data-gallery-link]", HTMLAnchorElement);
  const url = new URL(link.href);
  url.searchParams.set("at", String(shownNumber()));
  link.href = url.href;
}

function wireCard() {
  pointGallery();
  picture = wirePicture(query(card(), ".review-picture"));
  correction = wireCorrection(card(), address("superpixels", shownNumber()));
  const form = query(card(), ".review-decide", HTMLFormElement);
  const refused = uncorrected.get(shownNumber());
  if (refused) {
    correction.show(refused).catch(toastError);
  }
  const note = unsaid.get(shownNumber());
  if (note !== undefined) {
    query(form, "[name=note]", HTMLTextAreaElement).value = note;
    query(form, ".review-note", HTMLDetailsElement).open = true;
  }
  query(form, "[data-reject]").addEventListener("click", () => openReasons(!rejecting()));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { submitter } = event;
    if (submitter instanceof HTMLButtonElement && "withdraw" in submitter.dataset) {
      takeBack(submitter);
    } else if (submitter instanceof HTMLButtonElement && submitter.name === "decision") {
      decide(submitter.value);
    }
  });
  for (const [step, go] of Object.entries({ back: goBack, skip: goOn })) {
    query(form, `[data-step="${step}"]`).addEventListener("click", (event) => {
      event.preventDefault();
      go();
    });
  }
}

// Keys ------------------------------------------------------------------------------------------------------------

/**
 * The button of the card with this decision, pressed like any other: the card may not offer it.
 * @param {string} selector
 */
function press(selector) {
  const [button] = queryAll(card(), `.review-decide ${selector}`);
  return button ? () => button.click() : null;
}

/** @type {Pressed} */
function pressed(key, event) {
  if (rejecting() && /^[1-9]$/.test(key)) {
    // Admins edit the list: there may be fewer reasons than keys.
    const reason = queryAll(card(), ".review-reasons__grid button", HTMLButtonElement)[Number(key) - 1];
    return reason ? () => decide(reason.value) : null;
  }
  switch (key) {
    case "a":
      return () => decide("approved");
    case "r":
      return () => openReasons(!rejecting());
    case "escape":
      return rejecting() ? () => openReasons(false) : null;
    case "s":
      return press('[value="second"]');
    case "u":
      return press("[data-withdraw]") ?? takeLatestBack;
    case "n":
      return goOn;
    case "c":
      return correction.toggle;
    case "m":
      return picture.around;
    case "d":
      return picture.nextDate;
    case "b":
      return goBack;
    case "+":
    case "=":
      return picture.zoomIn;
    case "-":
      return picture.zoomOut;
    case "0":
      return picture.whole;
    case " ":
      return around(event, "button, a, summary") ? null : () => picture.bare(true);
    default:
      return null;
  }
}

document.addEventListener("keyup", (event) => {
  if (event.key === " ") {
    picture.bare(false);
  }
});

window.history.replaceState({ number: shownNumber() }, "", pageAddress(shownNumber()));
window.addEventListener("popstate", (event) => {
  if (event.state?.number) {
    show(event.state.number, { push: false });
  }
});
wireCard();
wireKeys(byId("keys-on", HTMLInputElement), pressed);
lookAhead();
// On a phone the tab one is on may lie beyond the edge.
document.querySelector(".review-head .tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
