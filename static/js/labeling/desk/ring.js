// The ring that shows how much a wide brush would paint. It lies over the picture and takes part in no layout.

export class Ring {
  /**
   * brush: how wide it is; element: the ring.
   * @param {{brush: Brush, element: HTMLElement}} parts
   */
  constructor({ brush, element }) {
    this.brush = brush;
    this.element = element;
    this.width = 0;
    /** @type {Pair | null} */
    this.at = null;
  }

  /** Show it around a place of the stage in CSS pixels; without one it goes. @param {number} [x] @param {number} [y] */
  moveTo(x, y) {
    const { style } = this.element;
    const { width } = this.brush;
    const at = x === undefined || y === undefined ? null : /** @type {Pair} */ ([x, y]);
    const shown = at !== null && width > 0;
    if (shown !== !this.element.hidden) {
      this.element.hidden = !shown;
    }
    if (shown) {
      if (this.width !== width) {
        this.width = width;
        style.width = `${width}px`;
        style.height = `${width}px`;
      }
      style.transform = `translate(${Math.round(at[0] - width / 2)}px, ${Math.round(at[1] - width / 2)}px)`;
    }
    this.at = at;
  }

  /** After the brush became wider or narrower. */
  again() {
    if (this.at) {
      this.moveTo(...this.at);
    }
  }
}
