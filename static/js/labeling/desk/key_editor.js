// The keys as a person sees them: on the buttons, and in the dialog in which they are changed.
//
// Every button of the desk with data-do, data-verdict or data-look-alike is an action that can have a key; data-key is
// its default. Look-alikes without one get Shift and a digit, in the order in which they stand.

import { element, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate } from "../../shared/i18n.js";
import { Bindings, isTaken, keysOn, nameOf, setKeysOn } from "./keys.js";

const DIGITS = 9;

/**
 * The actions of the page's buttons, as Bindings takes them, each with its name and its button.
 * @param {HTMLElement} desk
 */
function actionsOf(desk) {
  /** @type {Action[]} */
  const actions = [];
  let lookAlikes = 0;
  for (const button of queryAll(desk, "button[data-do], button[data-verdict], button[data-look-alike]")) {
    const { do: command = "", verdict, lookAlike, key = "" } = button.dataset;
    const shown = button.querySelector("span:not([aria-hidden])") ?? button;
    const name = (button.dataset.keyName || shown.textContent || "").trim();
    if (lookAlike) {
      lookAlikes += 1;
      const digit = lookAlikes <= DIGITS ? `shift+${lookAlikes}` : "";
      actions.push({
        id: `look-alike:${lookAlike}`,
        command: "look-alike",
        argument: lookAlike,
        key: key || digit,
        name,
        button,
      });
    } else if (verdict) {
      actions.push({ id: `verdict:${verdict}`, command: "verdict", argument: verdict, key, name, button });
    } else if ("key" in button.dataset) {
      actions.push({ id: command, command, argument: undefined, key, name, button });
    }
  }
  return actions;
}

/** A key as it is written on the button. @param {string} key */
export function written(key) {
  const plain = key.replace(/^shift\+/, "");
  /** @type {Record<string, string>} */
  const names = {
    space: "␣",
    delete: "Del",
    backspace: "⌫",
    pageup: "PgUp",
    pagedown: "PgDn",
    home: "Home",
    end: "End",
  };
  return (key.startsWith("shift+") ? "⇧" : "") + (names[plain] || plain.toUpperCase());
}

/** A key as it is said in a sentence. @param {string} key */
function spoken(key) {
  const plain = key.replace(/^shift\+/, "");
  const named =
    plain === "space"
      ? gettext("Space")
      : plain.length > 1
        ? plain[0].toUpperCase() + plain.slice(1)
        : plain.toUpperCase();
  return key.startsWith("shift+") ? interpolate(gettext("Shift and %(key)s"), { key: named }) : named;
}

/** @param {string} key */
function ariaOf(key) {
  const plain = key.replace(/^shift\+/, "");
  const named = plain.length > 1 ? plain[0].toUpperCase() + plain.slice(1) : plain.toUpperCase();
  return (key.startsWith("shift+") ? "Shift+" : "") + named;
}

/**
 * Returns the Bindings of the page and keeps buttons and dialog in step with them.
 * @param {{desk: HTMLElement, dialog: HTMLElement, others?: Action[]}} parts
 */
export function wireKeys({ desk, dialog, others = [] }) {
  const actions = [...actionsOf(desk), ...others];
  const bindings = new Bindings(actions);
  const list = query(dialog, "[data-keys-list]");
  const told = query(dialog, "[data-keys-told]");
  /** @type {Action | null} */
  let asking = null; // the action whose new key is awaited
  /** @type {Map<string, HTMLButtonElement>} */
  const rows = new Map();

  const tell = (/** @type {string} */ sentence) => {
    told.textContent = sentence;
  };

  const show = () => {
    for (const { id, button, name } of actions) {
      const key = bindings.keyOf(id);
      const row = rows.get(id);
      if (!row) {
        continue;
      }
      query(row, "kbd").textContent = asking?.id === id ? "…" : key ? written(key) : "–";
      row.classList.toggle("is-asking", asking?.id === id);
      row.setAttribute(
        "aria-label",
        interpolate(gettext("%(name)s: %(key)s. Change the key"), { name, key: key ? spoken(key) : gettext("no key") }),
      );
      if (button) {
        showOnButton(button, key);
      }
      for (const shown of queryAll(document, `[data-key-shown="${id}"]`)) {
        shown.textContent = written(key);
        shown.hidden = !key;
      }
    }
  };

  const ask = (/** @type {Action} */ action) => {
    asking = action;
    tell(
      interpolate(gettext("Press the new key for “%(name)s”. Delete takes its key away, Escape leaves it."), {
        name: action.name,
      }),
    );
    show();
  };

  const answer = (/** @type {KeyboardEvent} */ event, /** @type {Action} */ { id, name }) => {
    const key = nameOf(event);
    const removes = key === "delete" || key === "backspace";
    if (event.key === "Escape" || event.key === "Tab") {
      asking = null;
      tell("");
    } else if (["Shift", "Control", "Alt", "Meta", "AltGraph"].includes(event.key)) {
      return;
    } else if (!removes && (!key || isTaken(event))) {
      tell(gettext("This key keeps its own meaning. Press another one."));
    } else {
      const holder = bindings.choose(id, removes ? "" : key);
      if (holder) {
        tell(
          interpolate(gettext("%(key)s already belongs to “%(other)s”. Nothing was changed; press another key."), {
            key: spoken(key),
            other: holder.name,
          }),
        );
      } else {
        asking = null;
        tell(
          removes
            ? interpolate(gettext("“%(name)s” has no key now."), { name })
            : interpolate(gettext("“%(name)s” has the key %(key)s now."), { name, key: spoken(key) }),
        );
      }
    }
    show();
  };

  for (const action of actions) {
    const row = element(
      "button",
      { type: "button", class: "desk__key", "data-key-of": action.id, onclick: () => ask(action) },
      element("span", {}, action.name),
      element("kbd", {}),
    );
    rows.set(action.id, row);
    list.append(row);
  }

  // Before the dialog hears it: Escape must end the question and not the dialog, Enter must not press the button again.
  dialog.addEventListener(
    "keydown",
    (event) => {
      if (asking) {
        if (event.key !== "Tab") {
          event.preventDefault();
        }
        event.stopPropagation();
        answer(event, asking);
      }
    },
    true,
  );
  dialog.addEventListener("cancel", (event) => asking && event.preventDefault());
  dialog.addEventListener("close", () => {
    asking = null;
    tell("");
    show();
  });
  query(dialog, "[data-keys-reset]").addEventListener("click", () => {
    asking = null;
    bindings.reset();
    tell(gettext("All keys are as they were in the beginning."));
  });
  const on = query(dialog, "[data-keys-on]", HTMLInputElement);
  on.checked = keysOn();
  on.addEventListener("change", () => setKeysOn(on.checked));
  bindings.onChange = show;
  show();
  return bindings;
}

/**
 * The key on the button: seen in a <kbd>, heard through aria-keyshortcuts, beside the keys that are fixed.
 * @param {HTMLElement} button
 * @param {string} key
 */
function showOnButton(button, key) {
  const shortcuts = [key && ariaOf(key), button.dataset.keyFixed].filter(Boolean).join(" ");
  if (shortcuts) {
    button.setAttribute("aria-keyshortcuts", shortcuts);
  } else {
    button.removeAttribute("aria-keyshortcuts");
  }
  let shown = button.querySelector("kbd");
  if (!shown) {
    shown = element("kbd", { "aria-hidden": "true" });
    button.append(shown);
  }
  shown.textContent = key ? written(key) : "";
  shown.hidden = !key;
}
