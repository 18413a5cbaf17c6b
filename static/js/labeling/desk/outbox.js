// Labels on their way to the server. They are written into the browser's own database first and leave it only when the
// server has answered for them, so a dead network, a closed tab or a killed browser costs nothing. Entries go out one
// after another in the order they were made; each carries an id of the client's making, so sending twice is safe.

import { api } from "../../shared/api.js";

const DATABASE = "amber-desk";
const STORE = "outbox";
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 60000;
const EMPTY_ID = "00000000-0000-0000-0000-000000000000";

/** An id for a submission. randomUUID exists on secure addresses only. */
export function newId() {
  if (crypto.randomUUID) {
    return crypto.randomUUID();
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @type {<T>(request: IDBRequest<T>) => Promise<T>} */
const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * Where entries are kept: IndexedDB, or plain memory where the browser refuses it (then a closed tab loses them).
 * @returns {Promise<OutboxShelf>}
 */
async function openShelf() {
  try {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "order", autoIncrement: true });
    const database = await settled(opening);
    const store = (/** @type {IDBTransactionMode} */ mode) =>
      database.transaction(STORE, mode, { durability: "strict" }).objectStore(STORE);
    const finished = (/** @type {IDBTransaction} */ transaction) =>
      new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
    return {
      all: () => settled(store("readonly").getAll()),
      add: (entry) => {
        const target = store("readwrite");
        target.add(entry);
        return finished(target.transaction);
      },
      remove: (order) => {
        const target = store("readwrite");
        target.delete(order);
        return finished(target.transaction);
      },
    };
  } catch (error) {
    console.warn("labels are kept in memory only:", error);
    /** @type {OutboxEntry[]} */
    const entries = [];
    let order = 0;
    return {
      all: async () => [...entries],
      add: async (entry) => {
        order += 1;
        entries.push({ ...entry, order });
      },
      remove: async (gone) =>
        void entries.splice(
          entries.findIndex((entry) => entry.order === gone),
          1,
        ),
    };
  }
}

export class Outbox {
  /**
   * volunteer: whose entries are sent; another person's on the same machine wait for that person.
   * urls: {submissions, withdraw}, the latter with an empty UUID where the id goes.
   * onState({state, waiting, tiles}): "saved", "sending", "offline", "login" or "failing"; waiting entries, and the
   *   numbers of the tiles they are about.
   * onReceipt(receipt): what the server answered. onRefused(error, entry): it will never take this one.
   * @param {OutboxParts} parts
   */
  constructor({ volunteer, urls, onState, onReceipt, onRefused }) {
    this.volunteer = volunteer;
    this.urls = urls;
    this.onState = onState;
    this.onReceipt = onReceipt;
    this.onRefused = onRefused;
    this.shelf = openShelf();
    this.wait = FIRST_WAIT_MS;
    this.timer = 0;
    /** @type {Promise<void> | null} */
    this.running = null;
    window.addEventListener("online", () => this.send());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") {
        this.send();
      }
    });
  }

  /**
   * Keep labels to be sent; `decides`: an expert settles them. Resolves once they are safe on this machine.
   * @param {string} id
   * @param {number} segmentedTile
   * @param {LabelEntry[]} labels
   * @param {{decides?: boolean}} options
   */
  async submit(id, segmentedTile, labels, { decides = false } = {}) {
    await this.#put({ kind: "submit", id, tile: segmentedTile, labels, decides });
  }

  /**
   * Keep the wish to take a submission back; it follows the submission itself, should that still wait.
   * @param {string} id
   * @param {number} segmentedTile
   */
  async withdraw(id, segmentedTile) {
    await this.#put({ kind: "withdraw", id, tile: segmentedTile });
  }

  async waiting() {
    const entries = await (await this.shelf).all();
    return entries.filter((entry) => entry.volunteer === this.volunteer);
  }

  /** Send what waits, now. Two tabs take turns. */
  send() {
    clearTimeout(this.timer);
    if (!this.running) {
      const work = () => this.#sendAll();
      // Locks exist on secure addresses only; without them two tabs may both send, which changes nothing.
      this.running = (navigator.locks ? navigator.locks.request("amber-outbox", work) : work()).finally(() => {
        this.running = null;
      });
    }
    return this.running;
  }

  /** @param {Omit<OutboxEntry, "order" | "volunteer" | "at">} entry */
  async #put(entry) {
    await (await this.shelf).add({ ...entry, volunteer: this.volunteer, at: Date.now() });
    const sending = this.running;
    await this.#tell("sending");
    // A round that is about to end might have looked before this entry was there.
    Promise.resolve(sending).then(() => this.send());
  }

  async #sendAll() {
    const shelf = await this.shelf;
    for (;;) {
      const [entry] = await this.waiting();
      if (!entry) {
        this.wait = FIRST_WAIT_MS;
        await this.#tell("saved");
        return;
      }
      try {
        const receipt = await this.#deliver(entry);
        await shelf.remove(entry.order);
        this.wait = FIRST_WAIT_MS;
        this.onReceipt(receipt, entry);
        await this.#tell("sending");
      } catch (error) {
        const state = verdictOn(error);
        if (state !== "refused") {
          await this.#tell(state);
          this.#later();
          return;
        }
        await shelf.remove(entry.order);
        this.onRefused(error, entry);
      }
    }
  }

  /** @param {OutboxEntry} entry */
  #deliver(entry) {
    if (entry.kind === "withdraw") {
      return api.post(this.urls.withdraw.replace(EMPTY_ID, entry.id));
    }
    // Entries of an earlier version of this page know no fragments.
    const labels = entry.labels?.map(({ superpixel, piece = 0, verdict, lookAlike }) => ({
      superpixel,
      piece,
      verdict,
      look_alike: lookAlike,
    }));
    return api.post(this.urls.submissions, {
      id: entry.id,
      segmented_tile: entry.tile,
      labels,
      decides: Boolean(entry.decides),
    });
  }

  /** @returns {void} */
  #later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
  }

  /** @param {string} state */
  async #tell(state) {
    const entries = await this.waiting();
    const sent = state === "sending" && !entries.length ? "saved" : state;
    const tiles = [...new Set(entries.filter(({ kind }) => kind === "submit").map(({ tile }) => tile))];
    const pending = entries.reduce((sum, { kind }) => sum + (kind === "submit" ? 1 : -1), 0);
    this.onState({ state: sent, waiting: entries.length, tiles, pending });
  }
}

/** @param {any} error */
function verdictOn(error) {
  if (error.offline) {
    return "offline";
  }
  if (error.status === 401 || error.status === 403) {
    return "login";
  }
  if (error.status >= 400 && error.status < 500 && error.status !== 429 && error.status !== 408) {
    return "refused";
  }
  return "failing";
}
