// A canvas that lies on the tile's picture and stays on it through zoom and pan, drawn in image pixels at the
// resolution of the screen. While the map is moving it is only shifted and stretched; it is drawn anew when it rests.

import { L } from "../shared/map.js";

/** Image pixels to Leaflet's plane coordinates: x to the right, y down. */
export const place = ([x, y]) => [-y, x];

const EDGE = 8; // CSS pixels by which lines may stick out of the tile

const CanvasPlane = L.Renderer.extend({
  initialize(draw, options) {
    L.Renderer.prototype.initialize.call(this, { padding: 0.2, ...options });
    this.draw = draw;
  },

  _initContainer() {
    this._container = document.createElement("canvas");
    this.context = this._container.getContext("2d");
  },

  _destroyContainer() {
    L.DomUtil.remove(this._container);
    delete this.context;
  },

  _updateTransform(center, zoom) {
    const corner = this._map._latLngToNewLayerPoint(this.corner, zoom, center);
    L.DomUtil.setTransform(this._container, corner, this._map.getZoomScale(zoom, this._zoom));
  },

  _update() {
    if (this._map._animatingZoom && this._bounds) {
      return;
    }
    L.Renderer.prototype._update.call(this);
    // No larger than the tile: every pixel of a canvas costs something with every frame.
    const { tileBounds, crs } = this._map.options;
    if (tileBounds) {
      const [one, other] = [tileBounds.getNorthWest(), tileBounds.getSouthEast()].map((corner) =>
        this._map.latLngToLayerPoint(corner),
      );
      const tile = L.bounds(one.subtract([EDGE, EDGE]), other.add([EDGE, EDGE]));
      if (this._bounds.intersects(tile)) {
        this._bounds = L.bounds(
          [Math.max(this._bounds.min.x, tile.min.x), Math.max(this._bounds.min.y, tile.min.y)],
          [Math.min(this._bounds.max.x, tile.max.x), Math.min(this._bounds.max.y, tile.max.y)],
        );
      }
    }
    this.corner = this._map.layerPointToLatLng(this._bounds.min);
    const canvas = this._container;
    const size = this._bounds.getSize();
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
    L.DomUtil.setPosition(canvas, this._bounds.min);
    const scale = crs.scale(this._map.getZoom());
    const origin = this._map.getPixelOrigin().add(this._bounds.min);
    this.context.setTransform(dense * scale, 0, 0, dense * scale, -dense * origin.x, -dense * origin.y);
    this.unit = 1 / scale;
    this.draw(this.context, this.unit);
  },
});

export class Plane {
  /**
   * draw(context, unit) draws everything; one image pixel is one unit of the context, and `unit` is as long as one CSS
   * pixel of the screen. pane: the name of the map's pane to lie in; it is made when it is not there.
   */
  constructor(map, { pane, zIndex, draw }) {
    if (!map.getPane(pane)) {
      const made = map.createPane(pane);
      made.style.zIndex = zIndex;
      made.style.pointerEvents = "none";
    }
    this.element = map.getPane(pane);
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
    if (context && this.unit) {
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

  setVisible(wanted) {
    this.element.style.visibility = wanted ? "" : "hidden";
  }
}
