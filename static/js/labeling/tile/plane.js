// A canvas that lies on the tile's picture and stays on it through zoom and pan, drawn in image pixels at the
// resolution of the screen. While the map is moving it is only shifted and stretched; it is drawn anew when it rests.

import { penOf } from "../../shared/dom.js";
import { L } from "../../shared/map.js";

/** Image pixels to Leaflet's plane coordinates: x to the right, y down. @type {(point: Pair) => Pair} */
export const place = ([x, y]) => [-y, x];

const EDGE = 8; // CSS pixels by which lines may stick out of the tile

/** @typedef {(context: CanvasRenderingContext2D, unit: number) => void} Draw */

class CanvasPlane extends L.Renderer {
  /** @param {Draw} draw @param {L.RendererOptions} options */
  constructor(draw, options) {
    super({ padding: 0.2, ...options });
    this.draw = draw;
    this.unit = 0; // until the map has a view
    /** Where the canvas begins. @type {L.LatLng} */
    this.corner = L.latLng(0, 0);
    this.canvas = document.createElement("canvas");
    this.context = penOf(this.canvas);
  }

  _initContainer() {
    this._container = this.canvas;
  }

  _destroyContainer() {
    this.canvas.remove();
  }

  /** @param {L.LatLng} center @param {number} zoom */
  _updateTransform(center, zoom) {
    const corner = this._map._latLngToNewLayerPoint(this.corner, zoom, center);
    L.DomUtil.setTransform(this._container, corner, this._map.getZoomScale(zoom, this._zoom));
  }

  _update() {
    if (this._map._animatingZoom && this._bounds) {
      return;
    }
    super._update();
    const bounds = this.#onTile(this._bounds);
    Object.assign(this, { _bounds: bounds }); // a field of Leaflet's own class
    const from = bounds.getTopLeft();
    this.corner = this._map.layerPointToLatLng(from);
    const { canvas } = this;
    const size = bounds.getSize();
    const dense = window.devicePixelRatio || 1;
    const width = Math.round(dense * size.x);
    const height = Math.round(dense * size.y);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${size.x}px`;
      canvas.style.height = `${size.y}px`;
    } else {
      this.context.setTransform(1, 0, 0, 1, 0, 0);
      this.context.clearRect(0, 0, width, height);
    }
    L.DomUtil.setPosition(canvas, from);
    const scale = L.CRS.Simple.scale(this._map.getZoom());
    const origin = this._map.getPixelOrigin().add(from);
    this.context.setTransform(dense * scale, 0, 0, dense * scale, -dense * origin.x, -dense * origin.y);
    this.unit = 1 / scale;
    this.draw(this.context, this.unit);
  }

  /** No larger than the tile: every pixel of a canvas costs something with every frame. @param {L.Bounds} all */
  #onTile(all) {
    const { tileBounds } = this._map.options;
    if (!tileBounds) {
      return all;
    }
    const one = this._map.latLngToLayerPoint(tileBounds.getNorthWest()).subtract([EDGE, EDGE]);
    const other = this._map.latLngToLayerPoint(tileBounds.getSouthEast()).add([EDGE, EDGE]);
    if (!all.intersects(L.bounds(one, other))) {
      return all;
    }
    const [from, to] = [all.getTopLeft(), all.getBottomRight()];
    return L.bounds(
      [Math.max(from.x, one.x), Math.max(from.y, one.y)],
      [Math.min(to.x, other.x), Math.min(to.y, other.y)],
    );
  }
}

export class Plane {
  /**
   * draw(context, unit) draws everything; one image pixel is one unit of the context, and `unit` is as long as one CSS
   * pixel of the screen. pane: the name of the map's pane to lie in; it is made when it is not there.
   * @param {L.Map} map
   * @param {{pane: string, zIndex: number, draw: Draw}} wishes
   */
  constructor(map, { pane, zIndex, draw }) {
    this.element = map.getPane(pane) ?? map.createPane(pane);
    this.element.style.zIndex = String(zIndex);
    this.element.style.pointerEvents = "none";
    this.draw = draw;
    this.renderer = new CanvasPlane((context, unit) => this.draw(context, unit), { pane });
    this.renderer.addTo(map);
  }

  get context() {
    return this.renderer.context;
  }

  get unit() {
    return this.renderer.unit;
  }

  /** Draw everything anew, on clear ground. */
  redraw() {
    const { context } = this;
    if (this.unit) {
      this.clear();
      this.draw(context, this.unit);
    }
  }

  clear() {
    const { context } = this;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.restore();
  }

  /** @param {boolean} wanted */
  setVisible(wanted) {
    this.element.style.visibility = wanted ? "" : "hidden";
  }
}
