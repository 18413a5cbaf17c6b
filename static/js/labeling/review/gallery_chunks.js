// The cells of a gallery in chunks: they come when they scroll into view and go when they are far away, so that ten
// thousand are as quick as fifty. What a cell means is the business of gallery.js.

import { api } from "../../shared/api.js";
import { element, query, queryAll } from "../../shared/dom.js";
import { gettext, interpolate } from "../../shared/i18n.js";

/** @typedef {{index: number, list: HTMLElement, loaded: boolean}} Chunk */

export class Chunks {
  /**
   * host: the element that holds the chunks, one of them filled by the server; page: the gallery's data;
   * onCell(cell): told of every cell that comes, before it is shown.
   * @param {HTMLElement} host
   * @param {GalleryPage} page
   * @param {{onCell: (cell: HTMLElement) => void}} calls
   */
  constructor(host, page, { onCell }) {
    this.host = host;
    this.page = page;
    this.onCell = onCell;
    /** @type {Map<Chunk, Promise<void>>} */
    this.loading = new Map(); // chunk -> promise
    const given = query(host, "[data-chunk]");
    const shown = Math.floor(page.first / page.cells);
    const count = Math.ceil(page.numbers.length / page.cells);
    this.chunks = Array.from({ length: count }, (_none, index) => {
      const list = index === shown ? given : element("ul", { class: "gallery__chunk", "data-chunk": true });
      list.setAttribute(
        "aria-label",
        interpolate(gettext("Detections %(first)s to %(last)s of %(total)s"), {
          first: index * page.cells + 1,
          last: Math.min((index + 1) * page.cells, page.numbers.length),
          total: page.numbers.length,
        }),
      );
      return { index, list, loaded: index === shown };
    });
    host.replaceChildren(...this.chunks.map((chunk) => chunk.list));
    for (const cell of this.cells()) {
      onCell(cell);
    }
  }

  cells() {
    return queryAll(this.host, ".shot");
  }

  /** The cell of a detection, null while it is not on the page. @param {number} number @returns {HTMLElement | null} */
  cellOf(number) {
    return this.host.querySelector(`.shot[data-detection="${number}"]`);
  }

  columns() {
    return getComputedStyle(this.chunks[0].list).gridTemplateColumns.split(" ").length;
  }

  /** Cells that are not there take the room that they will need, so that nothing jumps. */
  measure() {
    const cell = this.host.querySelector(".shot");
    if (!cell) {
      return;
    }
    const gap = Number.parseFloat(getComputedStyle(this.chunks[0].list).rowGap) || 0;
    const row = cell.getBoundingClientRect().height + gap;
    const across = this.columns();
    for (const chunk of this.chunks) {
      const rows = Math.ceil(this.#numbersOf(chunk).length / across);
      chunk.list.style.minHeight = `${Math.round(rows * row - gap)}px`;
    }
  }

  /** Fresh cells of these detections, as the server tells them now. @param {number[]} numbers */
  async fetch(numbers) {
    const { urls, way } = this.page;
    const response = await api.get(urls.cells, { query: { ids: numbers.join(","), ...way } });
    const parsed = new DOMParser().parseFromString(`<ul>${await response.text()}</ul>`, "text/html");
    return queryAll(document.adoptNode(query(parsed, "ul")), ".shot");
  }

  /**
   * Resolves when the chunk with this place in the gallery is on the page, or says why it is not.
   * @param {number} index
   */
  load(index) {
    return this.#load(this.#chunkAt(index));
  }

  /** @param {number} index */
  scrollTo(index) {
    this.#chunkAt(index).list.scrollIntoView();
  }

  /** From now on chunks come and go with scrolling. */
  watch() {
    /** @type {Map<Element, Chunk>} */
    const byList = new Map(this.chunks.map((chunk) => [chunk.list, chunk]));
    const near = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          const chunk = byList.get(target);
          if (isIntersecting && chunk) {
            this.#load(chunk);
          }
        }
      },
      { rootMargin: "100% 0px" },
    );
    const far = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          const chunk = byList.get(target);
          if (!isIntersecting && chunk?.loaded && !target.contains(document.activeElement)) {
            target.replaceChildren();
            chunk.loaded = false;
          }
        }
      },
      { rootMargin: "400% 0px" },
    );
    for (const { list } of this.chunks) {
      near.observe(list);
      far.observe(list);
    }
  }

  /** @param {number} index */
  #chunkAt(index) {
    return this.chunks[Math.floor(index / this.page.cells)];
  }

  /** @param {Chunk} chunk */
  #numbersOf({ index }) {
    const { numbers, cells } = this.page;
    return numbers.slice(index * cells, (index + 1) * cells);
  }

  /** @param {Chunk} chunk */
  #load(chunk) {
    if (chunk.loaded) {
      return Promise.resolve();
    }
    const coming = this.loading.get(chunk) ?? this.#fill(chunk).finally(() => this.loading.delete(chunk));
    this.loading.set(chunk, coming);
    return coming;
  }

  /** @param {Chunk} chunk */
  async #fill(chunk) {
    chunk.list.setAttribute("aria-busy", "true");
    try {
      const cells = await this.fetch(this.#numbersOf(chunk));
      for (const cell of cells) {
        this.onCell(cell);
      }
      chunk.list.replaceChildren(...cells);
      chunk.loaded = true;
    } catch (error) {
      const again = element("button", { type: "button", class: "btn btn--quiet" }, gettext("Try again"));
      again.addEventListener("click", () => this.#load(chunk));
      chunk.list.replaceChildren(element("li", { class: "gallery__failed" }, element("p", {}, error.message), again));
    } finally {
      chunk.list.removeAttribute("aria-busy");
    }
  }
}
