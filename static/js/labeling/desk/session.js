// One sitting at the desk: which tile is open, what comes next, what was left behind, and what goes to the outbox.
//
// Events: "going" when a tile is about to be sent or skipped, "leave" before the open tile goes, "open" (detail: what
// is open) when the next one is on the stage, "close" when none is, "change" when the counts or ways onward changed,
// "paint" (detail: a superpixel) when a label in it changed.

import { api } from "../../shared/api.js";
import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { toast, toastError } from "../../shared/toast.js";
import { dropDraft, readDraft } from "./drafts.js";
import { Painting } from "../tile/history.js";
import { Leases } from "./leases.js";
import { newId, Outbox } from "./outbox.js";
import { panel } from "./panel.js";
import { partOf, fragmentOf, superpixelOf } from "../tile/parts.js";
import { magnify, release, sharpen } from "../tile/pictures.js";
import { fetchFragments } from "../tile/fragments.js";
import { load, TileQueue } from "../tile/tiles.js";
import { timeNext } from "./timing.js";

const PATIENCE_MS = 200; // a tile that comes sooner needs no "fetching" in between
const RETRY_MS = 5000;
const REMEMBERED = 5; // tiles one can go back to
const SPARE_MS = 10000; // for reading why labels do not count

export class Session extends EventTarget {
  /**
   * page: what the server wrote into the page; stage: where tiles are shown.
   * @param {{page: DeskPage, stage: DeskStage}} parts
   */
  constructor({ page, stage }) {
    super();
    this.page = page;
    this.stage = stage;
    /** @type {Current | null} */
    this.current = null; // {tile, raster, picture, painting, submission, reading} on the screen
    /** @type {Current[]} */
    this.behind = []; // tiles left behind, the latest last, with what was sent of them
    /** @type {Set<number>} */
    this.skipped = new Set();
    this.deciding = Boolean(page.escalated); // an expert settles superpixels instead of voting on them
    this.spare = ""; // why the labels that arrived last do not count
    this.counts = page.session; // the server's count of tiles labelled
    /** @type {Mail} */
    this.mail = { state: "saved", waiting: 0, tiles: [], pending: 0 };
    /** @type {() => Promise<Found | NothingLeft>} */
    this.wish = () => this.#fromQueue(); // what `bring` was last asked for
    this.turn = 0; // counts tiles asked for, so that a late answer to an old question is dropped
    /** @type {Promise<void> | null} */
    this.supply = null; // a promise: all that is fetched ahead has come, or failed
    /** @type {AbortController | null} */
    this.improving = null; // stops the fetching of better pictures
    /** @type {(() => void) | null} */
    this.onShown = null; // told once when the next tile is on the stage
    this.busy = false; // a second Enter while the first is being kept must not send twice

    this.queue = new TileQueue({
      ask: (wanted) => this.#ask(wanted),
      held: () => [...this.skipped, ...this.mail.tiles, ...(this.current ? [this.current.tile.segmented_tile] : [])],
      onSession: (told) => this.#counted(told),
    });
    this.outbox = new Outbox({
      volunteer: page.volunteer,
      urls: page.urls,
      onState: (told) => {
        this.mail = told;
        panel.saved(this.mail, page.urls.login);
        this.#showToday();
      },
      onReceipt: (receipt) => {
        this.#counted(receipt.session);
        this.#spare(receipt.message);
      },
      onRefused: (error, entry) => {
        // Taking back what never arrived needs no explanation.
        if (entry.kind === "submit") {
          toastError(error);
        }
      },
    });
    this.leases = new Leases({ session: this, urls: page.urls });
    window.addEventListener("online", () => {
      if (this.current) {
        this.supply = this.#prefetch();
      }
    });
  }

  /** Send what an earlier sitting left, then show the tile that the address names, or the next one. */
  async start() {
    this.#showToday();
    const waiting = await this.outbox.waiting();
    this.mail.tiles = waiting.map(({ tile }) => tile);
    this.mail.state = waiting.length ? "sending" : "saved";
    panel.saved(this.mail, this.page.urls.login);
    this.outbox.send();
    const { tile: linked } = this.page;
    if (!linked) {
      await this.next();
      return;
    }
    await this.bring(async () => {
      try {
        return await this.#linked(linked);
      } catch (error) {
        if (error.status !== 404) {
          throw error;
        }
        toast(error.message);
        return this.#fromQueue();
      }
    });
  }

  next() {
    return this.bring(() => this.#fromQueue());
  }

  retry() {
    return this.bring(this.wish);
  }

  /**
   * Show what `find` brings: a loaded tile, or the reason why there is none.
   * @param {() => Promise<Found | NothingLeft>} find
   */
  async bring(find) {
    this.turn += 1;
    this.wish = find;
    const mine = this.turn;
    const patience = setTimeout(() => panel.cover(gettext("Fetching the tile…")), PATIENCE_MS);
    try {
      const found = await find();
      if (mine !== this.turn) {
        return;
      }
      if ("loaded" in found) {
        this.open(found.loaded, found);
      } else {
        this.#close();
        this.#nothingLeft(found);
      }
    } catch (error) {
      if (mine !== this.turn) {
        return;
      }
      this.#close();
      this.#failed(error, find, mine);
    } finally {
      clearTimeout(patience);
    }
  }

  /**
   * Put a loaded tile on the stage, with labels sent before and a draft of labels not sent.
   * @param {Loaded} loaded
   * @param {Omit<Found, "loaded">} said
   */
  open(loaded, { labels = [], submission = null, draft = null } = {}) {
    this.#leave();
    const { stage } = this;
    stage.show(loaded);
    const show = (/** @type {number} */ part, /** @type {Label | null} */ label) => {
      if (!fragmentOf(part)) {
        stage.overlay.paint(part, label?.verdict ?? null);
      }
      this.#tell("paint", superpixelOf(part));
    };
    const painting = new Painting(loaded.raster.count, labels, show);
    // The same object as before, so that a picture still on its way finds the tile it belongs to.
    this.current = Object.assign(loaded, { painting, submission, draft: null });
    for (const { superpixel, piece, verdict } of painting.entries()) {
      show(partOf(superpixel, piece), { verdict, lookAlike: "" });
    }
    if (draft) {
      painting.begin();
      for (const { superpixel, piece = 0, verdict, lookAlike = "" } of draft) {
        painting.paint(partOf(superpixel, piece), { verdict, lookAlike });
      }
      painting.commit();
    }
    panel.uncover();
    panel.place(loaded.tile);
    panel.shown(loaded.tile.segmented_tile);
    this.#nameThePage(loaded);
    this.#improve(sharpen, this.current);
    this.supply = this.#prefetch();
    this.#tell("open", this.current);
    this.#tell("change");
    this.onShown?.();
    this.onShown = null;
  }

  /** The picture on the stage is too coarse for the zoom: fetch a better one. */
  magnify() {
    if (this.current && this.current.picture === this.stage.shown) {
      this.#improve(magnify, this.current);
    }
  }

  /** Send what is painted, or skip the tile when nothing is, and go on. */
  async submit() {
    if (!this.current || this.busy) {
      return;
    }
    this.busy = true;
    this.#stopImproving();
    this.#tell("going");
    this.onShown = timeNext();
    try {
      const left = this.current;
      const { tile, painting } = left;
      painting.commit();
      if (painting.painted && (painting.changed || !left.submission)) {
        const id = newId();
        // A decision is followed by another one; labels of the desk are taken back first.
        if (left.submission && !this.deciding) {
          await this.outbox.withdraw(left.submission, tile.segmented_tile);
        }
        await this.outbox.submit(id, tile.segmented_tile, painting.entries(), { decides: this.deciding });
        left.submission = id;
        this.skipped.delete(tile.segmented_tile);
      } else if (!painting.painted) {
        if (left.submission && !this.deciding) {
          await this.outbox.withdraw(left.submission, tile.segmented_tile);
          left.submission = null;
        }
        this.skipped.add(tile.segmented_tile);
        this.leases.giveBack(left);
      }
      if (this.deciding) {
        this.skipped.add(tile.segmented_tile); // it is not shown again in this sitting, whatever was left open
      }
      dropDraft();
      this.behind.push(left);
      this.behind.splice(0, Math.max(0, this.behind.length - REMEMBERED)).forEach(release);
      await this.next();
    } catch (error) {
      toastError(error);
    } finally {
      this.busy = false;
    }
  }

  /** The tile before, with what was said of it. It is sent again only if something is changed there. */
  back() {
    const before = this.behind.pop();
    if (!before) {
      return;
    }
    if (this.current) {
      this.queue.putBack(this.current, this.current.painting.entries());
    }
    this.skipped.delete(before.tile.segmented_tile);
    this.leases.reclaim(before);
    this.turn += 1;
    this.open(before, { labels: before.painting.entries(), submission: before.submission });
    panel.say(gettext("Back to the tile before."));
  }

  showSkipped() {
    this.skipped.clear();
    this.queue.forget();
    this.queue.skipped = true;
    this.next();
  }

  /** @param {SessionCounts} counts */
  #counted(counts) {
    this.counts = counts;
    this.#showToday();
  }

  #showToday() {
    panel.today(Math.max(0, this.counts.tiles_today + this.mail.pending));
  }

  /** The next tiles first, their sharp pictures when nothing else is wanted. */
  async #prefetch() {
    try {
      await this.queue.fill();
      await this.current?.sharpening;
      await (this.current && fetchFragments(this.current, { priority: "low" }));
      await this.queue.sharpen();
      await this.queue.fetchFragments();
      panel.ready(this.queue.ready.length);
    } catch (error) {
      console.warn(error.message);
    }
  }

  /** @param {typeof sharpen} fetchBetter @param {Current} loaded */
  async #improve(fetchBetter, loaded) {
    this.improving ||= new AbortController();
    try {
      const { signal } = this.improving;
      if ((await fetchBetter(loaded, { priority: "low", signal })) && this.current === loaded) {
        this.stage.setPicture(loaded.picture);
      }
    } catch (error) {
      if (error.name !== "AbortError") {
        console.warn(error.message); // the picture that is there will do
      }
    }
  }

  /** Before the open tile goes: what is still fetched for it must not hold up the next one. */
  #leave() {
    this.#stopImproving();
    this.#tell("leave");
  }

  #stopImproving() {
    this.improving?.abort();
    this.improving = null;
  }

  #close() {
    this.#leave();
    this.current = null;
    this.onShown = null;
    this.stage.clear();
    panel.shown("");
    this.#tell("close");
    this.#tell("change");
  }

  /** @returns {Promise<Found | NothingLeft>} */
  async #fromQueue() {
    const taken = await this.queue.take();
    if (!taken) {
      throw new Error("the server neither gave a tile nor said why");
    }
    return "raster" in taken ? { loaded: taken, draft: taken.draft } : taken;
  }

  /**
   * What comes next: a tile that wants this person's eyes, or for an expert at it one that waits for a decision.
   * @param {{held: number[], skipped: boolean}} wanted
   */
  #ask({ held, skipped }) {
    const { urls, region } = this.page;
    if (this.deciding) {
      return api.get(urls.escalated, { query: { region, held: held.join(",") } });
    }
    return api.post(urls.next, { region, held, skipped });
  }

  /** Labels that arrived and do not count: say why, once for every sentence in a row. @param {string} message */
  #spare(message) {
    if (message && message !== this.spare) {
      toast(message, { lasts: SPARE_MS });
    }
    this.spare = message;
  }

  /** @param {NothingLeft} left */
  #nothingLeft({ reason, message }) {
    if (reason === "tutorial") {
      const address = new URL(this.page.urls.tutorial, window.location.href);
      if (this.page.region) {
        address.searchParams.set("region", this.page.region);
      }
      window.location.replace(address.href);
      return;
    }
    const ways = ["mine"];
    if (this.skipped.size) {
      ways.unshift("skipped");
    }
    /** @type {Record<string, string>} */
    const titles = { no_tiles: gettext("No tiles yet"), none_escalated: gettext("Nothing waits for you") };
    const title = titles[reason] || gettext("Nothing for you just now");
    panel.cover(title, message, ways);
  }

  /** @param {any} error @param {() => Promise<Found | NothingLeft>} find @param {number} mine */
  #failed(error, find, mine) {
    const title = error.offline ? gettext("You are offline") : gettext("The tile did not come");
    const text = error.offline
      ? gettext("What you have painted is kept on this machine. The next tile comes with the network.")
      : error.message;
    panel.cover(title, text, ["retry"]);
    if (error.name !== "ApiError") {
      console.error(error);
    }
    const again = () => {
      if (mine === this.turn) {
        this.bring(find);
      }
    };
    setTimeout(again, RETRY_MS);
    window.addEventListener("online", again, { once: true });
  }

  /**
   * The tile that the address names, with what this person has said about it or painted before a reload.
   * @param {number} segmentedTile
   * @returns {Promise<Found>}
   */
  async #linked(segmentedTile) {
    const answer = await api.get(this.page.urls.tile.replace("/0/", `/${segmentedTile}/`));
    this.#counted(answer.session);
    const loaded = await load(answer.tile);
    /** @type {Tile} */
    const { mine } = answer.tile;
    const labels = mine ? mine.labels.map(({ look_alike: lookAlike, ...label }) => ({ ...label, lookAlike })) : [];
    return {
      loaded,
      labels,
      submission: mine?.submission,
      draft: readDraft(this.page.volunteer, answer.tile.segmented_tile),
    };
  }

  /** The address that opens this tile again, and the picture's name for those who hear it. @param {Loaded} loaded */
  #nameThePage({ tile, raster }) {
    const address = new URL(this.page.urls.desk, window.location.href);
    address.searchParams.set("region", tile.region);
    if (this.deciding) {
      address.searchParams.set("escalated", "1");
    } else {
      address.searchParams.set("tile", String(tile.segmented_tile));
    }
    window.history.replaceState(null, "", address);
    this.stage.element.setAttribute(
      "aria-label",
      interpolate(
        ngettext(
          "Satellite image of a tile with %(count)s superpixel",
          "Satellite image of a tile with %(count)s superpixels",
          raster.count,
        ),
        { count: number(raster.count) },
      ),
    );
  }

  /** @param {string} name @param {unknown} [detail] */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /**
   * Hear of "open" or "paint" with what it is about.
   * @template {"open" | "paint"} N
   * @param {N} name
   * @param {(detail: N extends "open" ? Current : number) => void} hear
   */
  listen(name, hear) {
    this.addEventListener(name, (event) => hear(/** @type {CustomEvent} */ (event).detail));
  }
}
