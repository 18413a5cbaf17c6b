// Tiles taken along for where there is no network: pictures, rasters and finer rasters of many tiles, kept in memory as
// long as the page is open. What is painted on them goes into the outbox like everything else.

import { byId, query } from "../../shared/dom.js";
import { gettext, interpolate, ngettext, number } from "../../shared/i18n.js";
import { sharpen } from "../tile/pictures.js";
import { fetchFragments } from "../tile/fragments.js";

const MEGABYTE = 1e6;

export class Supply {
  /**
   * Wires the dialog #supply. session: whose queue is filled; onClose(): the dialog was left.
   * @param {{session: DeskSession, onClose: () => void}} parts
   */
  constructor({ session, onClose }) {
    this.session = session;
    this.running = false;
    this.dialog = byId("supply", HTMLDialogElement);
    const count = byId("supply-count", HTMLInputElement);
    query(this.dialog, "form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.running) {
        this.running = false;
      } else {
        this.#fetch(Math.min(Math.max(Number(count.value) || 0, 1), Number(count.max)));
      }
    });
    query(this.dialog, "[data-close]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", onClose);
    session.addEventListener("open", () => this.#tellLeft());
    session.addEventListener("close", () => this.#tellLeft());
    this.asked = false; // whether tiles were taken along in this sitting
  }

  open() {
    this.dialog.showModal();
  }

  /** Fetch until so many tiles are ready behind the one on the screen, everything of each. @param {number} count */
  async #fetch(count) {
    const { queue } = this.session;
    this.running = true;
    this.asked = true;
    byId("supply-go").textContent = gettext("Stop");
    byId("supply-progress").hidden = false;
    let told = "";
    try {
      if (this.session.current) {
        await this.#complete(this.session.current);
      }
      for (let done = 0; this.running && done < count; ) {
        if (queue.ready.length <= done) {
          await queue.fill(done + 1);
        }
        if (queue.ready.length <= done) {
          told = queue.end?.message || "";
          break;
        }
        await this.#complete(queue.ready[done]);
        done += 1;
        this.#progress(done, count);
      }
    } catch (error) {
      told = error.message;
    }
    this.running = false;
    byId("supply-go").textContent = gettext("Fetch");
    this.#progress(queue.ready.length, count, told);
    this.#tellLeft();
  }

  /** @param {Loaded} loaded */
  #complete(loaded) {
    return Promise.all([sharpen(loaded), fetchFragments(loaded)]);
  }

  /** @param {number} done @param {number} count @param {string} told */
  #progress(done, count, told = "") {
    const bar = byId("supply-progress", HTMLProgressElement);
    bar.max = count;
    bar.value = Math.min(done, count);
    const { queue } = this.session;
    const bytes = queue.ready.reduce((sum, { bytes: own = 0, picture }) => sum + own + (picture.bytes || 0), 0);
    const facts = interpolate(
      ngettext(
        "%(count)s tile is here, %(size)s MB. It stays as long as this page is open.",
        "%(count)s tiles are here, %(size)s MB. They stay as long as this page is open.",
        done,
      ),
      { count: number(done), size: number(bytes / MEGABYTE, { maximumFractionDigits: 1 }) },
    );
    byId("supply-told").textContent = [facts, told].filter(Boolean).join(" ");
  }

  #tellLeft() {
    const left = this.session.queue.ready.length;
    const shown = document.getElementById("supply-left");
    if (!shown) {
      return; // experts who decide take nothing along
    }
    shown.textContent = this.asked
      ? interpolate(ngettext("%(count)s tile offline", "%(count)s tiles offline", left), { count: number(left) })
      : "";
  }
}
