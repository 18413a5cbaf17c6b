// The desk's keys. What a key does a person may choose; a few keep their meaning: arrows, Tab, Enter, Escape, Ctrl.
// A key is named by what stands on it in Latin letters: "r", "shift+1", "[", "space". Where the layout is not Latin the
// key's place decides, so that "R" is the same key in Ukrainian. All but the fixed ones can be turned off (WCAG 2.1.4).

const STORED = "amber-desk-keys";
const STORED_OWN = "amber-desk-own-keys";

/** @type {Record<string, string>} */
const PLACES = {
  BracketLeft: "[",
  BracketRight: "]",
  Semicolon: ";",
  Quote: "'",
  Backquote: "`",
  Backslash: "\\",
  Comma: ",",
  Period: ".",
  Slash: "/",
  Minus: "-",
  Equal: "=",
  Space: "space",
};

/** The name of the key that was pressed, or "" for one that cannot be given a meaning. @param {KeyboardEvent} event */
export function nameOf(event) {
  const letter = event.key.toLowerCase();
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code);
  let name = "";
  if (/^[a-z]$/.test(letter)) {
    name = letter;
  } else if (place) {
    name = place[1].toLowerCase();
  } else if (PLACES[event.code]) {
    name = PLACES[event.code];
  } else if (["delete", "backspace", "home", "end", "pageup", "pagedown"].includes(letter) || /^f\d+$/.test(letter)) {
    name = letter;
  } else if (letter === " ") {
    name = "space";
  }
  return name && event.shiftKey ? `shift+${name}` : name;
}

/**
 * What is fixed: [command, argument] or null.
 * @param {KeyboardEvent} event
 * @returns {[string, (string | number)?] | null}
 */
function fixedCommand(event) {
  if (event.ctrlKey || event.metaKey) {
    const name = nameOf(event);
    if (name === "z") {
      return ["undo"];
    }
    if (name === "shift+z" || name === "y") {
      return ["redo"];
    }
    return event.key === "Enter" ? ["submit"] : null;
  }
  if (event.key.startsWith("Arrow")) {
    return ["cursor", event.key.slice("Arrow".length).toLowerCase()];
  }
  switch (event.key) {
    case "Tab":
      return ["cursor-step", event.shiftKey ? -1 : 1];
    case "Enter":
      return ["enter"];
    case "Escape":
      return ["escape"];
    case "?":
      // On some layouts the question mark stands on a digit, which may have a meaning of its own.
      return event.code.startsWith("Digit") ? null : ["keys"];
    default:
      return null;
  }
}

const KEPT_ON = new Set(["cursor", "cursor-step", "enter", "escape"]);

/** Names that a person cannot give away. Ctrl, Alt and the Windows key belong to the browser anyway. */
export const isTaken = (/** @type {KeyboardEvent} */ event) =>
  Boolean(fixedCommand(event)) || event.ctrlKey || event.metaKey || event.altKey;

/** Which key runs what: the page's defaults, and what this person chose instead, kept in this browser. */
export class Bindings {
  /**
   * actions: [{id, command, argument, key}, …], `key` being the default ("" for none), the first wins a key.
   * @param {Action[]} actions
   */
  constructor(actions) {
    this.actions = actions;
    this.onChange = () => {};
    /** @type {Record<string, unknown>} */
    let own = {};
    try {
      own = JSON.parse(localStorage.getItem(STORED_OWN) || "{}") || {};
    } catch {
      own = {};
    }
    /** @type {Map<string, string>} */
    this.own = new Map();
    for (const [id, key] of Object.entries(own)) {
      if (typeof key === "string") {
        this.own.set(id, key);
      }
    }
  }

  /**
   * The key of an action, "" when it has none. A key chosen for another action takes a default away.
   * @param {string} id
   */
  keyOf(id) {
    const action = this.actions.find((other) => other.id === id);
    if (!action) {
      return "";
    }
    const chosenHere = this.own.get(id);
    if (chosenHere !== undefined) {
      return chosenHere;
    }
    const chosen = this.actions.some((other) => this.own.get(other.id) === action.key);
    const sooner = this.actions.find((other) => other.key === action.key && !this.own.has(other.id));
    return chosen || sooner !== action ? "" : action.key;
  }

  /** The action that a key runs, or null. @param {string} key */
  actionOf(key) {
    return (key && this.actions.find(({ id }) => this.keyOf(id) === key)) || null;
  }

  /**
   * Give an action a key, or "" for none. Returns null, or the other action that has the key; then nothing is changed.
   * @param {string} id
   * @param {string} key
   */
  choose(id, key) {
    const holder = this.actionOf(key);
    if (holder && holder.id !== id) {
      return holder;
    }
    this.own.set(id, key);
    this.#keep();
    return null;
  }

  reset() {
    this.own.clear();
    this.#keep();
  }

  #keep() {
    localStorage.setItem(STORED_OWN, JSON.stringify(Object.fromEntries(this.own)));
    this.onChange();
  }
}

export const keysOn = () => localStorage.getItem(STORED) !== "off";
export const setKeysOn = (/** @type {boolean} */ on) => localStorage.setItem(STORED, on ? "on" : "off");

/**
 * Listen on the whole page. press(command, argument, event) returns true when it did something, and the browser's own
 * meaning of the key is then suppressed; lift(command) tells that a held key was let go. Typing into a field or an open
 * dialog is left alone.
 * @param {Bindings} bindings
 * @param {KeyCalls} calls
 */
export function listen(bindings, { press, lift }) {
  /** @type {Map<string, string>} */
  const held = new Map(); // commands of the keys that are down, by the key's place

  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (
      !(target instanceof Element) ||
      event.isComposing ||
      target.closest("dialog, select, textarea, details.menu, .toast")
    ) {
      return;
    }
    const isField = target.matches("input");
    const presses = target.matches("button, a, summary") && (event.key === "Enter" || event.key === " ");
    if (presses || (isField && event.key !== "Escape") || event.altKey) {
      return;
    }
    let found = fixedCommand(event);
    if (!found && !event.ctrlKey && !event.metaKey) {
      const action = bindings.actionOf(nameOf(event));
      found = action && [action.command, action.argument];
    }
    if (!found || (!keysOn() && !KEPT_ON.has(found[0]))) {
      return;
    }
    if (press(found[0], found[1], event)) {
      held.set(event.code, found[0]);
      event.preventDefault();
    }
  });
  document.addEventListener("keyup", (event) => {
    const command = held.get(event.code);
    held.delete(event.code);
    if (command) {
      lift(command);
    }
  });
  window.addEventListener("blur", () => {
    for (const command of held.values()) {
      lift(command);
    }
    held.clear();
  });
}
