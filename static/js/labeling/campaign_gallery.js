// The gallery of look-alikes: ticks by click, range, key and long press; the count; nothing is sent until a button is.
// Until then the tab keeps the ticks: a reload, or a look at another page, does not lose an hour's work.

import { element } from "../shared/dom.js";
import { gettext, interpolate, ngettext } from "../shared/i18n.js";
import { wireKeys } from "./review_keys.js";

const HELD_MS = 450; // a press of a finger that means: everything up to here

const form = document.getElementById("looks");
const KEPT = `amber.looks.${window.location.pathname}`;

if (form) {
  const ticks = [...form.querySelectorAll(".look__tick")];
  const hidden = () => [...form.querySelectorAll("[data-hidden]")]; // ticked, but not among the pictures shown
  const count = form.querySelector("[data-count]");
  const elsewhere = form.querySelector("[data-elsewhere]");
  const needing = form.querySelectorAll("[data-needs-tick]");
  let anchor = 0; // where a range begins

  const tell = () => {
    const names = [...hidden(), ...ticks.filter((tick) => tick.checked)].map((one) => one.value);
    const total = names.length;
    const unseen = hidden().length;
    sessionStorage.setItem(KEPT, JSON.stringify(names));
    count.textContent = total
      ? interpolate(ngettext("%(count)s ticked", "%(count)s ticked", total), { count: total })
      : gettext("Tick what is not mining");
    elsewhere.hidden = !unseen;
    elsewhere.querySelector("span").textContent = interpolate(
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
    form.append(...[...wanted].map((value) => element("input", { type: "hidden", name: "tick", value, "data-hidden": true })));
  };

  const dropHidden = () => hidden().forEach((one) => one.remove());

  const tickTo = (index, wanted) => {
    const [first, last] = anchor < index ? [anchor, index] : [index, anchor];
    for (const tick of ticks.slice(first, last + 1)) {
      tick.checked = wanted;
    }
    anchor = index;
    tell();
  };

  const tickAll = (wanted) => {
    for (const tick of ticks) {
      tick.checked = wanted;
    }
    if (!wanted) {
      dropHidden();
    }
    tell();
  };

  /** The picture above or below: the one whose middle is nearest on the next line. */
  const beside = (index, step) => {
    const here = ticks[index].closest(".look").getBoundingClientRect();
    let best = null;
    for (let other = index + step; ticks[other]; other += step) {
      const box = ticks[other].closest(".look").getBoundingClientRect();
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
    const cell = tick.closest(".look__label");
    let held = null;
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
      const goal = {
        ArrowRight: index + 1,
        ArrowLeft: index - 1,
        ArrowDown: beside(index, 1),
        ArrowUp: beside(index, -1),
        Home: 0,
        End: ticks.length - 1,
      }[event.key];
      if (goal !== undefined && ticks[goal]) {
        event.preventDefault();
        ticks[goal].focus();
      } else if (event.key === " " && event.shiftKey) {
        event.preventDefault();
        tickTo(index, !tick.checked);
      }
    });
  });

  wireKeys(document.getElementById("keys-on"), (key) => {
    if (key === "a" || key === "n") {
      return () => tickAll(key === "a");
    }
    return null;
  });

  form.querySelector("[data-all]").addEventListener("click", () => tickAll(true));
  form.querySelector("[data-none]").addEventListener("click", () => tickAll(false));
  form.querySelector("[data-submits]").addEventListener("change", () => form.requestSubmit());
  // Enter in the name must not press the first button of the form.
  form.querySelector("[data-enter-safe]").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
    }
  });
  elsewhere.querySelector("button").addEventListener("click", () => {
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
