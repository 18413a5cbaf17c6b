// The picture of the tile in Leaflet, its overlay, the light on it, and what lies over it while there is none.

import { calm } from "../../shared/dom.js";
import { L, startMap } from "../../shared/leaflet.js";
import { Overlay } from "./overlay.js";
import { place } from "./plane.js";

const COARSE = 1.25; // pixels of the screen one pixel of a picture may cover before a sharper picture is wanted

export class Stage {
  /**
   * onCoarse(): the picture on the stage has fewer pixels than the screen could show.
   * @param {HTMLElement} element
   * @param {{onCoarse?: () => void}} calls
   */
  constructor(element, { onCoarse = () => {} } = {}) {
    this.element = element;
    this.onCoarse = onCoarse;
    const still = calm();
    this.map = startMap(
      element,
      {},
      {
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
      },
    );
    this.map.setView([0, 0], 0, { animate: false });
    this.overlay = new Overlay(this.map);
    /** @type {L.ImageOverlay | null} */
    this.picture = null;
    /** @type {L.LatLngBounds | null} */
    this.bounds = null;
    /** @type {HTMLImageElement | null} */
    this.shown = null;
    /** @type {Tile | null} */
    this.tile = null;
    this.fitted = true;
    this.map.on("zoomstart dragstart", () => {
      this.fitted = false;
    });
    this.map.on("zoomend", () => this.#look());
    new ResizeObserver(() => {
      this.map.invalidateSize({ animate: false });
      if (this.fitted) {
        this.fit();
      }
    }).observe(element);
  }

  /** @param {Pick<Loaded, "tile" | "shapes" | "picture">} loaded */
  show({ tile, shapes, picture }) {
    this.overlay.clear();
    this.bounds = L.latLngBounds([place([0, tile.height]), place([tile.width, 0])]);
    this.map.options.tileBounds = this.bounds; // the planes draw no further
    this.tile = tile;
    const before = this.picture;
    this.shown = picture;
    this.picture = L.imageOverlay(picture, this.bounds, { className: "desk__picture" }).addTo(this.map);
    if (before?.getElement() !== picture) {
      before?.remove();
    }
    this.fit();
    this.map.setMaxBounds(this.bounds.pad(0.4));
    this.overlay.show(shapes);
    this.#look();
  }

  /**
   * A better picture of the tile on the stage, a decoded <img>. Until it is drawn the one before stays.
   * @param {HTMLImageElement} picture
   */
  setPicture(picture) {
    if (this.picture && this.shown !== picture) {
      this.shown = picture;
      this.picture.setUrl(picture.src);
      this.#look();
    }
  }

  clear() {
    this.picture?.remove();
    this.picture = null;
    this.overlay.clear();
  }

  /** Whether this tile, and nothing of another one, lies on the stage. @param {Pick<Loaded, "tile">} loaded */
  holds({ tile }) {
    return Boolean(this.picture) && this.tile === tile && this.overlay.superpixels.length > 0;
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

  /** How many CSS pixels one image pixel is long. */
  get scale() {
    return L.CRS.Simple.scale(this.map.getZoom());
  }

  /** Bring a point of the image (pixels) into view when one has zoomed past it. @param {number} x @param {number} y */
  reveal(x, y) {
    if (
      !this.map
        .getBounds()
        .pad(-0.05)
        .contains(place([x, y]))
    ) {
      this.map.panTo(place([x, y]), { animate: !calm() });
    }
  }

  /** With the hand one finger or the mouse moves the picture; without it they paint. @param {boolean} inHand */
  setHand(inHand) {
    this.map.dragging[inHand ? "enable" : "disable"]();
    this.element.classList.toggle("is-moving", inHand);
  }

  #look() {
    if (
      this.shown &&
      this.tile &&
      this.picture &&
      this.shown.naturalWidth * COARSE < this.tile.width * this.scale * window.devicePixelRatio
    ) {
      this.onCoarse();
    }
  }
}
