// The desk's keys. Letters are read from the key's place on the keyboard where the layout is not Latin, so that "R" is
// the same key in Ukrainian. A person can turn the keys off (WCAG 2.1.4); arrows, Tab and Enter keep working.

const STORED = "amber-desk-keys";

const KEPT_ON = new Set(["cursor", "cursor-step", "enter", "escape"]);

function nameOf(event) {
  const letter = event.key.toLowerCase();
  if (/^[a-z]$/.test(letter)) {
    return letter;
  }
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code);
  return place ? place[1].toLowerCase() : letter;
}

/** [command, argument] for a key press, or null when the desk has no use for it. */
export function commandFor(event) {
  const name = nameOf(event);
  const control = event.ctrlKey || event.metaKey;
  if (event.altKey) {
    return null;
  }
  if (control) {
    if (name === "z") {
      return [event.shiftKey ? "redo" : "undo"];
    }
    if (name === "y") {
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
    case " ":
      return ["ground"];
    case "?":
      return ["keys"];
    default:
  }
  const commands = {
    1: ["verdict", "mining"],
    2: ["verdict", "not_mining"],
    3: ["verdict", "unsure"],
    0: ["erase"],
    delete: ["erase"],
    backspace: ["erase"],
    u: ["undo"],
    r: ["rest"],
    o: ["outlines"],
    m: ["hand"],
    l: ["light"],
    b: ["back"],
  };
  return commands[name] || null;
}

export const keysOn = () => localStorage.getItem(STORED) !== "off";
export const setKeysOn = (on) => localStorage.setItem(STORED, on ? "on" : "off");

/**
 * Listen on the whole page. press(command, argument, event) returns true when it did something, and the browser's own
 * meaning of the key is then suppressed; lift(command) tells that a held key was let go. Typing into a field or an open
 * dialog is left alone.
 */
export function listen({ press, lift }) {
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.isComposing || target.closest("dialog, select, textarea, details.menu, .toast")) {
      return;
    }
    const isField = target.matches("input");
    const presses = target.matches("button, a, summary") && (event.key === "Enter" || event.key === " ");
    if (presses || (isField && event.key !== "Escape")) {
      return;
    }
    const found = commandFor(event);
    if (!found || (!keysOn() && !KEPT_ON.has(found[0]))) {
      return;
    }
    if (press(found[0], found[1], event)) {
      event.preventDefault();
    }
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") {
      lift("ground");
    }
  });
}
