// The washes and outlines over a tile: one canvas in a pane of its own, drawn by Leaflet.

import { colour, L } from "../shared/map.js";
import { traceOutlines } from "./outlines.js";

const CONTRAST = window.matchMedia("(prefers-contrast: more)");

/** Image pixels to Leaflet's plane coordinates: x to the right, y down. */
export const place = ([x, y]) => [-y, x];

function stylesOf(host) {
  const firm = CONTRAST.matches ? 1.5 : 1;
  return {
    none: { color: colour("--edge-none", host), weight: 1.4 * firm, fillOpacity: 0, dashArray: null },
    mining: {
      color: colour("--edge-mining", host),
      weight: 3 * firm,
      fillColor: colour("--mining", host),
      fillOpacity: 0.28,
      dashArray: null,
    },
    not_mining: {
      color: colour("--edge-not-mining", host),
      weight: 1.8 * firm,
      fillColor: colour("--not-mining", host),
      fillOpacity: 0.24,
      dashArray: null,
    },
    // Dashed, so that the three differ without their colours.
    unsure: {
      color: colour("--edge-unsure", host),
      weight: 2.6 * firm,
      fillColor: colour("--unsure", host),
      fillOpacity: 0.36,
      dashArray: "7 5",
    },
  };
}

export class Overlay {
  constructor(map) {
    this.map = map;
    this.pane = map.createPane("superpixels");
    this.pane.style.zIndex = 450;
    this.pane.style.pointerEvents = "none";
    this.renderer = L.canvas({ pane: "superpixels", padding: 0.3 });
    this.styles = stylesOf(map.getContainer());
    this.group = L.layerGroup().addTo(map);
    this.pieces = [];
    this.verdicts = [];
    this.outlined = true;
  }

  /** Draw the superpixels of a tile, none of them painted. */
  show(raster) {
    this.group.clearLayers();
    this.ring = null;
    const outlines = traceOutlines(raster);
    this.pieces = outlines.map((rings) =>
      L.polygon(
        rings.map((ring) => ring.map(place)),
        { renderer: this.renderer, interactive: false, smoothFactor: 0.4, lineJoin: "round", ...this.#style(null) },
      ),
    );
    this.verdicts = new Array(this.pieces.length).fill(null);
    this.pieces.slice(1).forEach((piece) => this.group.addLayer(piece));
  }

  /** Show one superpixel's verdict; null shows it as not painted. */
  paint(superpixel, verdict) {
    const piece = this.pieces[superpixel];
    this.verdicts[superpixel] = verdict;
    piece.setStyle(this.#style(verdict));
    // Borders are shared: the stronger statement lies on top.
    if (verdict === "mining" || verdict === "unsure") {
      piece.bringToFront();
    } else if (verdict === null) {
      piece.bringToBack();
    }
    if (this.ring) {
      this.ring.forEach((line) => line.bringToFront());
    }
  }

  /** Put the keyboard's cursor around a superpixel; 0 takes it away. */
  cursor(superpixel) {
    (this.ring || []).forEach((line) => line.remove());
    this.ring = null;
    if (superpixel) {
      const shape = this.pieces[superpixel].getLatLngs();
      const line = (color, weight) =>
        L.polygon(shape, { renderer: this.renderer, interactive: false, fill: false, smoothFactor: 0.4, color, weight });
      this.ring = [line("#000000", 8), line("#ffffff", 4)].map((made) => made.addTo(this.group));
    }
  }

  /** Thin lines around what is not painted, or none. */
  setOutlined(wanted) {
    this.outlined = wanted;
    this.verdicts.forEach((verdict, superpixel) => {
      if (superpixel && verdict === null) {
        this.pieces[superpixel].setStyle(this.#style(null));
      }
    });
  }

  /** Hide everything for a look at the ground. */
  setVisible(wanted) {
    this.pane.style.visibility = wanted ? "" : "hidden";
  }

  #style(verdict) {
    const style = this.styles[verdict || "none"];
    return { ...style, stroke: verdict !== null || this.outlined, fill: verdict !== null };
  }
}
