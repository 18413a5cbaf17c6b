// The gallery of look-alikes: ticks by click, range, key and long press; the count; nothing is sent until a button is.
// Until then the tab keeps the ticks: a reload, or a look at another page, does not lose an hour's work.

import { byId, element, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, ngettext } from "../../shared/i18n.js";
import { wireKeys } from "../review/keys.js";

const HELD_MS = 450; // a press of a finger that means: everything up to here

const [form] = queryAll(document, "#looks", HTMLFormElement); // there is none where nothing looks alike
const KEPT = `amber.looks.${window.location.pathname}`;

if (form) {
  const ticks = queryAll(form, ".look__tick", HTMLInputElement);
  const hidden = () => queryAll(form, "[data-hidden]", HTMLInputElement); // ticked, but not among the pictures shown
  const count = query(form, "[data-count]");
  const elsewhere = query(form, "[data-elsewhere]");
  const needing = queryAll(form, "[data-needs-tick]", HTMLButtonElement);
  let anchor = 0; // where a range begins

  const tell = () => {
    const names = [...hidden(), ...ticks.filter((tick) => tick.checked)].map((one) => one.value);
    const total = names.length;
    const unseen = hidden().length;
    sessionStorage.setItem(KEPT, JSON.stringify(names));
    count.textContent = total
      ? interpolate(ngettext("%(count)s ticked", "%(count)s ticked", total), { count: total })
      : gettext("Tick what you decide about");
    elsewhere.hidden = !unseen;
    query(elsewhere, "span").textContent = interpolate(
      ngettext("%(count)s of them not shown here", "%(count)s of them not shown here", unseen),
      { count: unseen },
    );
    for (const button of needing) {
      button.disabled = total === 0;
    }
  };

  /** What was ticked here before, over what the server proposes; after a button was pressed there is nothing of it. */
  const restore = () => {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    if (!kept) {
      return;
    }
    const wanted = new Set(kept);
    for (const tick of ticks) {
      tick.checked = wanted.delete(tick.value);
    }
    dropHidden();
    form.append(
      ...[...wanted].map((value) => element("input", { type: "hidden", name: "tick", value, "data-hidden": true })),
    );
  };

  const dropHidden = () => {
    for (const one of hidden()) {
      one.remove();
    }
  };

  const tickTo = (/** @type {number} */ index, /** @type {boolean} */ wanted) => {
    const [first, last] = anchor < index ? [anchor, index] : [index, anchor];
    for (const tick of ticks.slice(first, last + 1)) {
      tick.checked = wanted;
    }
    anchor = index;
    tell();
  };

  const tickAll = (/** @type {boolean} */ wanted) => {
    for (const tick of ticks) {
      tick.checked = wanted;
    }
    if (!wanted) {
      dropHidden();
    }
    tell();
  };

  const boxOf = (/** @type {Element} */ tick) => (tick.closest(".look") ?? tick).getBoundingClientRect();

  /** The picture above or below: the one whose middle is nearest on the next line. */
  const beside = (/** @type {number} */ index, /** @type {number} */ step) => {
    const here = boxOf(ticks[index]);
    let best = null;
    for (let other = index + step; ticks[other]; other += step) {
      const box = boxOf(ticks[other]);
      const away = step * (box.top - here.top);
      if (away < here.height / 2) {
        continue;
      }
      const off = away * 2 + Math.abs(box.left - here.left);
      if (best === null || off < best.off) {
        best = { off, other };
      }
    }
    return best ? best.other : index;
  };

  ticks.forEach((tick, index) => {
    const cell = /** @type {HTMLElement} */ (tick.closest(".look__label"));
    let held = 0;
    let ranged = false;
    cell.addEventListener("click", (event) => {
      if (event.target === tick) {
        // A click of a label arrives twice: as itself and as the one of its box.
        if (ranged) {
          ranged = false;
          event.preventDefault();
          return;
        }
        if (event.shiftKey) {
          tickTo(index, tick.checked);
        } else {
          anchor = index;
        }
        tell();
      } else if (event.shiftKey) {
        event.preventDefault();
        tickTo(index, !tick.checked);
        tick.focus();
      }
    });
    cell.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch") {
        held = setTimeout(() => {
          ranged = true;
          tickTo(index, true);
        }, HELD_MS);
      }
    });
    for (const name of ["pointerup", "pointercancel", "pointermove", "pointerleave"]) {
      cell.addEventListener(name, () => clearTimeout(held));
    }
    cell.addEventListener("contextmenu", (event) => {
      if (ranged) {
        event.preventDefault();
      }
    });
    tick.addEventListener("keydown", (event) => {
      /** @type {Record<string, number>} */
      const goals = {
        ArrowRight: index + 1,
        ArrowLeft: index - 1,
        ArrowDown: beside(index, 1),
        ArrowUp: beside(index, -1),
        Home: 0,
        End: ticks.length - 1,
      };
      const goal = goals[event.key];
      if (ticks[goal]) {
        event.preventDefault();
        ticks[goal].focus();
      } else if (event.key === " " && event.shiftKey) {
        event.preventDefault();
        tickTo(index, !tick.checked);
      }
    });
  });

  wireKeys(byId("keys-on", HTMLInputElement), (key) => {
    if (key === "a" || key === "n") {
      return () => tickAll(key === "a");
    }
    return null;
  });

  query(form, "[data-all]").addEventListener("click", () => tickAll(true));
  query(form, "[data-none]").addEventListener("click", () => tickAll(false));
  query(form, "[data-submits]").addEventListener("change", () => form.requestSubmit());
  // Enter in the name must not press the first button of the form.
  query(form, "[data-enter-safe]").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
    }
  });
  query(elsewhere, "button").addEventListener("click", () => {
    dropHidden();
    tell();
    ticks[0]?.focus(); // the button pressed is gone
  });
  form.addEventListener("submit", () => {
    form.setAttribute("aria-busy", "true");
    sessionStorage.removeItem(KEPT); // the page that answers says what is ticked; a decision ticks nothing
  });
  restore();
  tell();
}
