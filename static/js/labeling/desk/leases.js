// Tiles are kept for a person for a while. Here that is shown, prolonged while the person is at work, given back when a
// tile is skipped, and said when it has run out. A lost lease costs nothing that was painted: labels are sent all the same.

import { api } from "../../shared/api.js";

const RENEW_MS = 60000; // activity prolongs leases at most so often
const LOOK_MS = 15000;

export class Leases extends EventTarget {
  /**
   * session: whose tiles; urls: {renew, release, tile}. Event "change": what `stateOf` says may have changed.
   * @param {{session: DeskSession, urls: Record<string, string>}} parts
   */
  constructor({ session, urls }) {
    super();
    this.session = session;
    this.urls = urls;
    this.renewed = Date.now();
    session.addEventListener("paint", () => this.active());
    session.listen("open", (detail) => {
      if (this.stateOf(detail) === "lost") {
        this.#renew();
      }
    });
    setInterval(() => this.#changed(), LOOK_MS);
  }

  /** "none" (nothing is kept: sent, decided or full), "kept" or "lost". @param {Loaded} loaded */
  stateOf(loaded) {
    const { tile, lost } = loaded;
    if (!tile.lease_until || loaded.submission) {
      return "none";
    }
    return lost || new Date(tile.lease_until) < new Date() ? "lost" : "kept";
  }

  /** The person is at work. */
  active() {
    if (Date.now() - this.renewed >= RENEW_MS) {
      this.#renew();
    }
  }

  /**
   * A tile was skipped: others may have it at once. Without a network its time simply runs out.
   * @param {Loaded} loaded
   */
  async giveBack(loaded) {
    if (loaded.tile.lease_until) {
      loaded.tile.lease_until = null;
      loaded.givenBack = this.#quietly(() => api.post(this.urls.release, { tiles: [loaded.tile.segmented_tile] }));
    }
  }

  /** A skipped tile is wanted after all. @param {Loaded} loaded */
  async reclaim(loaded) {
    if (!loaded.givenBack) {
      return;
    }
    await loaded.givenBack;
    loaded.givenBack = null;
    const answer = await this.#quietly(() => api.get(this.urls.tile.replace("/0/", `/${loaded.tile.segmented_tile}/`)));
    if (answer?.tile) {
      Object.assign(loaded.tile, { lease_until: answer.tile.lease_until, counts: answer.tile.counts });
      this.#changed();
    }
  }

  async #renew() {
    const { current, queue } = this.session;
    const kept = [...(current ? [current] : []), ...queue.ready].filter((loaded) => this.stateOf(loaded) !== "none");
    if (!kept.length || !navigator.onLine) {
      return;
    }
    this.renewed = Date.now();
    const tiles = kept.map(({ tile }) => tile.segmented_tile);
    const answer = await this.#quietly(() => api.post(this.urls.renew, { tiles }));
    if (!answer) {
      return;
    }
    for (const loaded of kept) {
      const until = answer.until[loaded.tile.segmented_tile];
      loaded.lost = !until;
      if (until) {
        loaded.tile.lease_until = until;
      }
    }
    this.#changed();
  }

  /**
   * Leases are a courtesy: that one could not be prolonged is no reason to disturb anybody.
   * @param {() => Promise<any>} ask
   */
  async #quietly(ask) {
    try {
      return await ask();
    } catch (error) {
      console.warn(error.message);
      return null;
    }
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
