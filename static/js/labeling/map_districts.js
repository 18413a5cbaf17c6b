// Districts on the public map: the list in the panel, their outlines, the one that is chosen.

import { gettext, interpolate, number } from "../shared/i18n.js";
import { L, colour } from "../shared/map.js";

const byId = (id) => document.getElementById(id);
const flip = (ring) => ring.map(([longitude, latitude]) => [latitude, longitude]);

export class Districts {
  /** figures: the page's [{name, label, places, hectares, years: {year: {places, hectares}}}]; choose(name). */
  constructor(map, data, { figures, choose }) {
    this.map = map;
    this.data = data;
    this.figures = new Map(figures.map((one) => [one.name, one]));
    this.chosen = "";
    this.turn = 0;
    this.box = byId("districts");
    map.createPane("districts").style.zIndex = 390;
    map.getPane("districts").style.pointerEvents = "none";
    this.pen = L.canvas({ pane: "districts" });
    this.layer = L.layerGroup().addTo(map);
    if (this.box) {
      this.box.addEventListener("toggle", () => this.draw().catch(() => {})); // without outlines the list still counts
      this.box.addEventListener("click", (event) => {
        const link = event.target.closest("[data-district]");
        if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
          event.preventDefault();
          choose(link.dataset.district === this.chosen ? "" : link.dataset.district);
        }
      });
    }
  }

  /** The list tells the hectares of a year ("" for all). */
  setYear(year) {
    const links = [...document.querySelectorAll("[data-district]")];
    const hectares = links.map((link) => this.sums(link.dataset.district, year).hectares);
    const highest = Math.max(...hectares) || 1;
    links.forEach((link, index) => {
      const shown = { maximumFractionDigits: 1, minimumFractionDigits: 1 };
      link.querySelector(".num").textContent = interpolate(gettext("%(hectares)s ha"), { hectares: number(hectares[index], shown) });
      link.querySelector("rect").setAttribute("width", (100 * hectares[index]) / highest);
    });
  }

  /** {label, places, hectares} of a district in a year ("" for all), zeros where nothing was found; null: unknown. */
  sums(name, year) {
    const known = this.figures.get(name);
    if (!known) {
      return null;
    }
    const found = year ? known.years[year] || { places: 0, hectares: 0 } : known;
    return { label: known.label, places: found.places, hectares: found.hectares };
  }

  /** Choose one ("" for none); resolves to its bounds [[south, west], [north, east]] or null. */
  async setChosen(name) {
    this.chosen = name;
    for (const link of document.querySelectorAll("[data-district]")) {
      const on = link.dataset.district === name;
      if (on) {
        link.setAttribute("aria-current", "true");
      } else {
        link.removeAttribute("aria-current");
      }
    }
    return this.draw();
  }

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
    let bounds = null;
    const ordered = [...districts].sort((one, other) => (one.name === this.chosen) - (other.name === this.chosen));
    for (const { name, bbox, geometry } of ordered) {
      const on = name === this.chosen;
      L.polygon(geometry.coordinates.map((polygon) => polygon.map(flip)), {
        renderer: this.pen,
        interactive: false,
        fill: false,
        color: colour(on ? "--text" : "--text-2"),
        opacity: on ? 1 : 0.55,
        weight: on ? 2.5 : 1,
      }).addTo(this.layer);
      if (on) {
        bounds = [[bbox[1], bbox[0]], [bbox[3], bbox[2]]];
      }
    }
    this.tellLegend();
    return bounds;
  }

  tellLegend() {
    const line = byId("legend-districts");
    if (line) {
      line.hidden = !this.layer.getLayers().length;
    }
  }
}
