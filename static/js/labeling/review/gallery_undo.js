// Decisions that can be taken back, in the order of sending, not of the answers.

export class Decisions {
  /**
   * button: the one that takes back; written: reviews of an earlier page.
   * @param {HTMLButtonElement} button
   * @param {number[]} written
   */
  constructor(button, written) {
    this.button = button;
    /** @type {Decision[]} */
    this.sent = written.length ? [{ turn: 0, settled: Promise.resolve(), reviews: written }] : [];
    this.#show();
  }

  get latest() {
    return this.sent.at(-1);
  }

  /** A new one, and what to call when the server has answered. @returns {{decision: Decision, settle: () => void}} */
  begin() {
    let settle = () => {};
    const settled = new Promise((resolve) => {
      settle = () => resolve(undefined);
    });
    // The time, but rising: other tabs of this session number theirs too, and the server keeps the latest of all.
    const turn = Math.max(Date.now(), (this.latest?.turn ?? 0) + 1);
    const decision = { turn, settled, reviews: [] };
    this.keep(decision);
    return { decision, settle };
  }

  /** @param {Decision} decision */
  keep(decision) {
    this.sent.push(decision);
    this.sent.sort((one, other) => one.turn - other.turn);
    this.#show();
  }

  /** Returns false where it was taken back already. @param {Decision} decision */
  drop(decision) {
    const there = this.sent.includes(decision);
    this.sent = this.sent.filter((one) => one !== decision);
    this.#show();
    return there;
  }

  #show() {
    this.button.disabled = this.sent.length === 0;
  }
}
