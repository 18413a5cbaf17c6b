// The years of the images: bars that one presses, and a slider over the same years for thumbs and arrow keys.

import { element, queryAll } from "../../shared/dom.js";
import { gettext, interpolate, number } from "../../shared/i18n.js";

const MANY = 7; // from here on the labels of all years would not fit beside each other

/** @typedef {(year: string, how?: {step?: boolean}) => void} Choose */

export class YearChoice {
  /**
   * choose(year, {step}) is called when the reader chooses one; "" stands for all. step: one of the slider's many.
   * @param {{choose: Choose}} calls
   */
  constructor({ choose }) {
    this.bars = queryAll(document, "[data-year]");
    this.years = ["", ...this.bars.map((bar) => bar.dataset.year ?? "")];
    /** @type {{slider: HTMLInputElement, all: HTMLButtonElement} | null} */
    this.slide = null;
    for (const bar of this.bars) {
      const { year = "" } = bar.dataset;
      bar.addEventListener("click", () => choose(year === this.year ? "" : year));
    }
    this.year = "";
    const chart = this.bars[0]?.closest(".year-bars");
    if (chart instanceof HTMLElement) {
      chart.classList.toggle("is-many", this.bars.length > MANY);
      if (this.bars.length > 1) {
        this.#addSlider(chart, choose);
      }
    }
  }

  /** @param {HTMLElement} chart @param {Choose} choose */
  #addSlider(chart, choose) {
    const slider = element("input", {
      type: "range",
      class: "year-slider",
      min: 0,
      max: this.years.length - 1,
      step: 1,
      value: 0,
      "aria-label": gettext("Year of the image"),
    });
    slider.addEventListener("input", () => choose(this.years[Number(slider.value)], { step: true }));
    // One stop before the bars for all years: the chart gets a column for it, so that stops lie below their bars.
    const all = element(
      "button",
      { type: "button", "aria-pressed": "true", onclick: () => choose("") },
      gettext("all"),
    );
    chart.prepend(element("li", { class: "year-all is-on" }, all));
    chart.style.setProperty("--stops", String(this.years.length));
    slider.style.setProperty("--stops", String(this.years.length));
    chart.after(slider);
    this.slide = { slider, all };
    chart.classList.add("has-slider");
  }

  /** @param {string} year */
  has(year) {
    return this.years.includes(year);
  }

  /**
   * Show `year` as chosen. hectares(year) is what the slider says of a stop.
   * @param {string} year
   * @param {number | null} hectares
   */
  show(year, hectares) {
    this.year = year;
    for (const bar of this.bars) {
      const on = bar.dataset.year === year;
      bar.setAttribute("aria-pressed", String(on));
      bar.closest("li")?.classList.toggle("is-on", on);
    }
    if (this.slide) {
      const { slider, all } = this.slide;
      all.setAttribute("aria-pressed", String(!year));
      all.closest("li")?.classList.toggle("is-on", !year);
      /** @type {Record<string, string>} */
      const names = { "": gettext("all years"), undated: gettext("images without a date") };
      const named = names[year] || year;
      slider.value = String(this.years.indexOf(year));
      slider.setAttribute(
        "aria-valuetext",
        interpolate(gettext("%(year)s: %(hectares)s ha"), {
          year: named,
          hectares: number(hectares ?? 0, { maximumFractionDigits: 1 }),
        }),
      );
    }
  }
}
