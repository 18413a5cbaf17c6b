// The counts on the tabs and the bar at the head of the review pages, kept in step with what the reader decides.

/** What decides nothing is still undecided, for this expert or for a colleague. */
export const decides = (state) => state === "approved" || state === "rejected";

function bump(name, by) {
  const shown = by ? document.querySelector(`[data-count="${name}"]`) : null;
  if (shown) {
    shown.textContent = Number(shown.textContent) + by;
  }
}

/**
 * One detection goes from {state, waits, carried} to another. state: "" or "undecided" where nothing stands; waits: it is
 * on this expert's own list as long as nothing decides it.
 */
export function recount(from, to) {
  const listed = (one) => Number(Boolean(one.waits) && !decides(one.state));
  bump("undecided", listed(to) - listed(from));
  if (from.state !== to.state) {
    for (const [one, by] of [[from, -1], [to, 1]]) {
      if (one.state && one.state !== "undecided") {
        bump(one.state, by);
      }
    }
  }
  bump("carried", Number(Boolean(to.carried)) - Number(Boolean(from.carried)));
  const by = Number(decides(to.state)) - Number(decides(from.state));
  if (by) {
    const bar = document.querySelector("[data-decided-bar]");
    bar.value += by;
    document.querySelector("[data-decided]").textContent = String(bar.value);
  }
}
