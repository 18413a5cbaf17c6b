// Districts on the public map: the list in the panel, their outlines, the one that is chosen.

import { gettext, interpolate, number } from "../../shared/i18n.js";
import { around, query, queryAll } from "../../shared/dom.js";
import { L, colour, latLngs } from "../../shared/map.js";

export class Districts {
  /**
   * figures: the page's [{name, label, places, hectares, years: {year: {places, hectares}}}]; choose(name).
   * @param {L.Map} map
   * @param {ReleaseData} data
   * @param {{figures: DistrictFigures[], choose: (name: string) => void}} page
   */
  constructor(map, data, { figures, choose }) {
    this.map = map;
    this.data = data;
    this.figures = new Map(figures.map((one) => [one.name, one]));
    this.chosen = "";
    this.turn = 0;
    [this.box = null] = queryAll(document, "#districts", HTMLDetailsElement);
    const pane = map.createPane("districts");
    pane.style.zIndex = "390";
    pane.style.pointerEvents = "none";
    this.pen = L.canvas({ pane: "districts" });
    this.layer = L.layerGroup().addTo(map);
    if (this.box) {
      this.box.addEventListener("toggle", () => this.draw().catch(() => {})); // without outlines the list still counts
      this.box.addEventListener("click", (event) => {
        const link = around(event, "[data-district]");
        if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
          event.preventDefault();
          const { district = "" } = link.dataset;
          choose(district === this.chosen ? "" : district);
        }
      });
    }
  }

  /** The list tells the hectares of a year ("" for all). @param {string} year */
  setYear(year) {
    const links = queryAll(document, "[data-district]");
    const hectares = links.map((link) => this.sums(link.dataset.district ?? "", year)?.hectares ?? 0);
    const highest = Math.max(...hectares) || 1;
    links.forEach((link, index) => {
      const shown = { maximumFractionDigits: 1, minimumFractionDigits: 1 };
      query(link, ".num").textContent = interpolate(gettext("%(hectares)s ha"), {
        hectares: number(hectares[index], shown),
      });
      link.querySelector("rect")?.setAttribute("width", String((100 * hectares[index]) / highest));
    });
  }

  /**
   * {label, places, hectares} of a district in a year ("" for all), zeros where nothing was found; null: unknown.
   * @param {string} name
   * @param {string} year
   */
  sums(name, year) {
    const known = this.figures.get(name);
    if (!known) {
      return null;
    }
    const found = year ? known.years[year] || { places: 0, hectares: 0 } : known;
    return { label: known.label, places: found.places, hectares: found.hectares };
  }

  /** Choose one ("" for none); resolves to its bounds [[south, west], [north, east]] or null. @param {string} name */
  async setChosen(name) {
    this.chosen = name;
    for (const link of queryAll(document, "[data-district]")) {
      const on = link.dataset.district === name;
      if (on) {
        link.setAttribute("aria-current", "true");
      } else {
        link.removeAttribute("aria-current");
      }
    }
    return this.draw();
  }

  /** @returns {Promise<Corners | null>} */
  async draw() {
    this.turn += 1;
    const { turn } = this;
    if (!this.chosen && !this.box?.open) {
      this.layer.clearLayers();
      this.tellLegend();
      return null;
    }
    const { districts } = await this.data.districts();
    if (turn !== this.turn) {
      return null;
    }
    this.layer.clearLayers();
    /** @type {Corners | null} */
    let bounds = null;
    const ordered = [...districts].sort(
      (one, other) => Number(one.name === this.chosen) - Number(other.name === this.chosen),
    );
    for (const { name, bbox, geometry } of ordered) {
      const on = name === this.chosen;
      L.polygon(
        geometry.coordinates.map((polygon) => polygon.map(latLngs)),
        {
          renderer: this.pen,
          interactive: false,
          fill: false,
          color: colour(on ? "--text" : "--text-2"),
          opacity: on ? 1 : 0.55,
          weight: on ? 2.5 : 1,
        },
      ).addTo(this.layer);
      if (on) {
        bounds = [
          [bbox[1], bbox[0]],
          [bbox[3], bbox[2]],
        ];
      }
    }
    this.tellLegend();
    return bounds;
  }

  tellLegend() {
    const line = document.getElementById("legend-districts");
    if (line) {
      line.hidden = !this.layer.getLayers().length;
    }
  }
}
