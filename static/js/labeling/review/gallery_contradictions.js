// Before a decision about many: those that contradict an expert, the crowd or the published map are shown, unticked.

import { byId, element, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, ngettext } from "../../shared/i18n.js";

/**
 * Decide; where the server names contradictions, ask first, and leave out what is not ticked. Throws the server's
 * refusal where nothing is to be decided.
 * @param {number[]} numbers
 * @param {(some: number[], confirmed: number[]) => Promise<Answer[]>} decide
 * @param {(number: number) => HTMLElement | null} cellOf
 */
export async function askFirst(numbers, decide, cellOf) {
  try {
    return { answers: await decide(numbers, []), sent: numbers };
  } catch (error) {
    const included = error.code === "contradicts" ? await ask(numbers, error.fields, cellOf) : null;
    if (included === null) {
      throw error;
    }
    const sent = numbers.filter((number) => !(String(number) in error.fields) || included.includes(number));
    return { answers: await decide(sent, included), sent };
  }
}

/**
 * Ask which of them are to be decided all the same. Resolves to their numbers, null where nothing is to be decided.
 * @param {number[]} numbers all that were chosen
 * @param {Record<string, string[]>} told number -> what it contradicts
 * @param {(number: number) => HTMLElement | null} cellOf
 * @returns {Promise<number[] | null>}
 */
function ask(numbers, told, cellOf) {
  const dialog = byId("contradictions", HTMLDialogElement);
  const against = numbers.filter((number) => String(number) in told);
  const rest = numbers.length - against.length;
  const title = ngettext(
    "%(n)s of %(all)s contradicts what others have said",
    "%(n)s of %(all)s contradict what others have said",
    against.length,
  );
  query(dialog, "h2").textContent = interpolate(title, { n: against.length, all: numbers.length });
  query(dialog, "[data-list]").replaceChildren(
    ...against.map((number) => row(number, told[String(number)], cellOf(number))),
  );
  const ticks = queryAll(dialog, "[data-list] input", HTMLInputElement);
  const decide = query(dialog, "[data-decide]", HTMLButtonElement);
  const included = () => ticks.filter((tick) => tick.checked).map((tick) => Number(tick.value));
  const count = () => {
    const n = rest + included().length;
    decide.textContent = n
      ? interpolate(ngettext("Decide about %(n)s", "Decide about %(n)s", n), { n })
      : gettext("Tick what you decide about");
    decide.disabled = n === 0;
  };
  for (const tick of ticks) {
    tick.addEventListener("change", count);
  }
  count();
  dialog.returnValue = "";
  dialog.showModal();
  ticks[0]?.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "decide" ? included() : null), {
      once: true,
    });
  });
}

/** @param {number} number @param {string[]} sentences @param {HTMLElement | null} cell */
function row(number, sentences, cell) {
  const tick = element("input", { type: "checkbox", value: String(number) });
  const words = element("span", {}, element("strong", {}, interpolate(gettext("Detection %(id)s"), { id: number })));
  for (const sentence of sentences) {
    words.append(element("span", { class: "contradiction__why" }, sentence));
  }
  const picture = cell?.querySelector(".shot__picture")?.cloneNode(true);
  if (picture instanceof SVGElement) {
    picture.querySelector("defs")?.remove(); // its outline has a name that is in the gallery already
  }
  return element("li", {}, element("label", { class: "contradiction" }, tick, picture ?? null, words));
}
