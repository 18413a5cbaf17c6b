// The ring that shows how much a wide brush would paint. It lies over the picture and takes part in no layout.

export class Ring {
  /** brush: how wide it is; element: the ring. */
  constructor({ brush, element }) {
    Object.assign(this, { brush, element });
  }

  /** Show it around a place of the stage in CSS pixels; without one it goes. */
  moveTo(x, y) {
    const { style } = this.element;
    const { width } = this.brush;
    const shown = x !== undefined && width > 0;
    if (shown !== !this.element.hidden) {
      this.element.hidden = !shown;
    }
    if (shown) {
      if (this.width !== width) {
        this.width = width;
        style.width = `${width}px`;
        style.height = `${width}px`;
      }
      style.transform = `translate(${Math.round(x - width / 2)}px, ${Math.round(y - width / 2)}px)`;
    }
    this.at = shown || x !== undefined ? [x, y] : null;
  }

  /** After the brush became wider or narrower. */
  again() {
    if (this.at) {
      this.moveTo(...this.at);
    }
  }
}
