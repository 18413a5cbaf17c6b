// What the desk can do, by name. Buttons (data-do) and keys both go through here, so that whatever can be pressed can
// also be given a key. Names that nobody has registered do nothing.

/**
 * @typedef {(argument?: any, event?: KeyboardEvent) => unknown} Run
 * @typedef {{run: Run, repeats: boolean, end: (() => void) | null}} Command
 */

export class Commands {
  constructor() {
    /** @type {Map<string, Command>} */
    this.known = new Map();
  }

  /**
   * Register a command. run(argument, event) may return false to say that it did nothing with the key, which then keeps
   * its meaning in the browser. `repeats`: a key held down runs it again and again. `end`: run when the key is lifted.
   * @param {string} name
   * @param {Run} run
   * @param {{repeats?: boolean, end?: (() => void) | null}} options
   */
  add(name, run, { repeats = false, end = null } = {}) {
    this.known.set(name, { run, repeats, end });
  }

  /** @param {string} name */
  has(name) {
    return this.known.has(name);
  }

  /**
   * Run a command; true when it did something.
   * @param {string} name
   * @param {unknown} [argument]
   * @param {KeyboardEvent} [event]
   */
  run(name, argument, event) {
    const command = this.known.get(name);
    if (!command) {
      return false;
    }
    if (event?.repeat && !command.repeats) {
      return true;
    }
    return command.run(argument, event) !== false;
  }

  /** The key of a command was lifted. @param {string} name */
  end(name) {
    this.known.get(name)?.end?.();
  }
}
