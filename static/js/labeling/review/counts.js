// The counts on the tabs and the bar at the head of the review pages, kept in step with what the reader decides.

import { query, queryAll } from "../../shared/dom.js";
import { number } from "../../shared/i18n.js";

/** What decides nothing is still undecided, for this expert or for a colleague. */
export const decides = (/** @type {string} */ state) => state === "approved" || state === "rejected";

/** @param {string} name @param {number} by */
function bump(name, by) {
  for (const shown of by ? queryAll(document, `[data-count="${name}"]`) : []) {
    shown.dataset.value = String(Number(shown.dataset.value) + by);
    shown.textContent = number(Number(shown.dataset.value));
    shown.closest(".review-head__list > span")?.toggleAttribute("hidden", shown.dataset.value === "0");
  }
}

/**
 * Why it is on this expert's list: a question, a dispute, or how it compares with the run before.
 * @param {Standing} one
 */
function needOf(one) {
  return one.state === "disputed" || one.state === "second" ? one.state : one.since;
}

/**
 * One detection goes from {state, waits, carried, since} to another. state: "" or "undecided" where nothing stands;
 * waits: it is on this expert's own list as long as nothing decides it.
 * @param {Standing} from
 * @param {Standing} to
 */
export function recount(from, to) {
  const listed = (/** @type {Standing} */ one) => Number(Boolean(one.waits) && !decides(one.state));
  for (const name of ["undecided", "need"]) {
    bump(name, listed(to) - listed(from));
  }
  bump(`need-${needOf(from)}`, -listed(from));
  bump(`need-${needOf(to)}`, listed(to));
  if (from.state !== to.state) {
    if (from.state && from.state !== "undecided") {
      bump(from.state, -1);
    }
    if (to.state && to.state !== "undecided") {
      bump(to.state, 1);
    }
  }
  bump("carried", Number(Boolean(to.carried)) - Number(Boolean(from.carried)));
  const by = Number(decides(to.state)) - Number(decides(from.state));
  if (by) {
    const bar = query(document, "[data-decided-bar]", HTMLProgressElement);
    bar.value += by;
    query(document, "[data-decided]").textContent = String(bar.value);
  }
}
