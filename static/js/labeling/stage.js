// The picture of the tile in Leaflet, its overlay, the light on it, and what lies over it while there is none.

import { calm } from "../shared/dom.js";
import { L } from "../shared/map.js";
import { Overlay, place } from "./overlay.js";

export class Stage {
  constructor(element) {
    this.element = element;
    const still = calm();
    this.map = L.map(element, {
      crs: L.CRS.Simple,
      zoomControl: false,
      attributionControl: false,
      keyboard: false,
      boxZoom: false,
      doubleClickZoom: false,
      dragging: false,
      zoomSnap: 0,
      zoomDelta: 0.75,
      wheelPxPerZoomLevel: 120,
      minZoom: -6,
      maxZoom: 4,
      maxBoundsViscosity: 0.8,
      zoomAnimation: !still,
      fadeAnimation: false,
      inertia: !still,
      bounceAtZoomLimits: false,
    });
    this.overlay = new Overlay(this.map);
    this.picture = null;
    this.bounds = null;
    this.fitted = true;
    this.map.on("zoomstart dragstart", () => {
      this.fitted = false;
    });
    new ResizeObserver(() => {
      this.map.invalidateSize({ animate: false });
      if (this.fitted) {
        this.fit();
      }
    }).observe(element);
  }

  show({ tile, raster, picture }) {
    if (this.picture) {
      this.picture.remove();
    }
    this.bounds = L.latLngBounds([place([0, tile.height]), place([tile.width, 0])]);
    this.picture = L.imageOverlay(picture, this.bounds, { className: "desk__picture" }).addTo(this.map);
    this.fit();
    this.map.setMaxBounds(this.bounds.pad(0.4));
    this.overlay.show(raster);
  }

  clear() {
    if (this.picture) {
      this.picture.remove();
      this.picture = null;
      this.overlay.group.clearLayers();
    }
  }

  /** The whole tile, as large as there is room for. */
  fit() {
    if (this.bounds) {
      this.map.setMinZoom(-6);
      this.map.fitBounds(this.bounds, { animate: false, padding: [0, 0] });
      this.map.setMinZoom(this.map.getZoom() - 0.5);
      this.fitted = true;
    }
  }

  /** Bring a point of the image (pixels) into view when one has zoomed past it. */
  reveal(x, y) {
    if (!this.map.getBounds().pad(-0.05).contains(place([x, y]))) {
      this.map.panTo(place([x, y]), { animate: !calm() });
    }
  }

  /** With the hand one finger or the mouse moves the picture; without it they paint. */
  setHand(inHand) {
    this.map.dragging[inHand ? "enable" : "disable"]();
    this.element.classList.toggle("is-moving", inHand);
  }

  /** Percent of the picture's own brightness and contrast. */
  setLight(brightness, contrast) {
    this.element.style.setProperty("--picture-light", `brightness(${brightness / 100}) contrast(${contrast / 100})`);
  }
}
