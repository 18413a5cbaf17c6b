// The years of the images: bars that one presses, and a slider over the same years for thumbs and arrow keys.

import { element } from "../shared/dom.js";
import { gettext, interpolate, number } from "../shared/i18n.js";

const MANY = 7; // from here on the labels of all years would not fit beside each other

export class YearChoice {
  /** choose(year, {step}) is called when the reader chooses one; "" stands for all. step: one of the slider's many. */
  constructor({ choose }) {
    this.bars = [...document.querySelectorAll("[data-year]")];
    this.years = ["", ...this.bars.map((bar) => bar.dataset.year)];
    this.slider = null;
    for (const bar of this.bars) {
      const { year } = bar.dataset;
      bar.addEventListener("click", () => choose(year === this.year ? "" : year));
    }
    this.year = "";
    const chart = this.bars[0]?.closest(".year-bars");
    if (chart) {
      chart.classList.toggle("is-many", this.bars.length > MANY);
      if (this.bars.length > 1) {
        this.#addSlider(chart, choose);
      }
    }
  }

  #addSlider(chart, choose) {
    this.slider = element("input", {
      type: "range",
      class: "year-slider",
      min: 0,
      max: this.years.length - 1,
      step: 1,
      value: 0,
      "aria-label": gettext("Year of the image"),
    });
    this.slider.addEventListener("input", () => choose(this.years[Number(this.slider.value)], { step: true }));
    // One stop before the bars for all years: the chart gets a column for it, so that stops lie below their bars.
    this.all = element("button", { type: "button", "aria-pressed": "true", onclick: () => choose("") }, gettext("all"));
    chart.prepend(element("li", { class: "year-all is-on" }, this.all));
    chart.style.setProperty("--stops", this.years.length);
    this.slider.style.setProperty("--stops", this.years.length);
    chart.after(this.slider);
    chart.classList.add("has-slider");
  }

  has(year) {
    return this.years.includes(year);
  }

  /** Show `year` as chosen. hectares(year) is what the slider says of a stop. */
  show(year, hectares) {
    this.year = year;
    for (const bar of this.bars) {
      const on = bar.dataset.year === year;
      bar.setAttribute("aria-pressed", String(on));
      bar.closest("li").classList.toggle("is-on", on);
    }
    if (this.slider) {
      this.all.setAttribute("aria-pressed", String(!year));
      this.all.closest("li").classList.toggle("is-on", !year);
      const named = { "": gettext("all years"), undated: gettext("images without a date") }[year] || year;
      this.slider.value = this.years.indexOf(year);
      this.slider.setAttribute(
        "aria-valuetext",
        interpolate(gettext("%(year)s: %(hectares)s ha"), { year: named, hectares: number(hectares, { maximumFractionDigits: 1 }) }),
      );
    }
  }
}
