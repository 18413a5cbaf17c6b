// Outlines to draw, traced from the label raster. The steps of the cells are smoothed away by less than a cell; both
// sides of a border get the same points, so washes meet without gaps. What belongs to which superpixel is not decided
// here but by the raster itself.

/**
 * For every superpixel its rings in image pixels: result[k] = [[[x, y], …], …]; result[0] is empty.
 * @param {TracedRaster} raster
 * @returns {Ring[][]}
 */
export function traceOutlines(raster) {
  const { numbers, columns, rows, scale, count, width, height } = raster;
  const corner = columns + 1;
  const steps = Array.from({ length: count + 1 }, () => /** @type {Map<number, number[]>} */ (new Map()));
  const add = (/** @type {number} */ superpixel, /** @type {number} */ from, /** @type {number} */ to) => {
    const leaving = steps[superpixel].get(from);
    if (leaving) {
      leaving.push(to);
    } else {
      steps[superpixel].set(from, [to]);
    }
  };
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const cell = row * columns + column;
      const superpixel = numbers[cell];
      if (superpixel === 0) {
        continue;
      }
      const topLeft = row * corner + column;
      const bottomLeft = topLeft + corner;
      // Walked with the superpixel on the right hand.
      if (row === 0 || numbers[cell - columns] !== superpixel) {
        add(superpixel, topLeft, topLeft + 1);
      }
      if (column === columns - 1 || numbers[cell + 1] !== superpixel) {
        add(superpixel, topLeft + 1, bottomLeft + 1);
      }
      if (row === rows - 1 || numbers[cell + columns] !== superpixel) {
        add(superpixel, bottomLeft + 1, bottomLeft);
      }
      if (column === 0 || numbers[cell - 1] !== superpixel) {
        add(superpixel, bottomLeft, topLeft);
      }
    }
  }
  /** @type {(point: Pair) => Pair} */
  const toImage = ([x, y]) => [Math.min(x * scale, width), Math.min(y * scale, height)];
  return steps.map((leaving) => ringsOf(leaving, corner).map((ring) => straightened(smoothed(ring)).map(toImage)));
}

/** The rings of one superpixel as something a canvas can fill and stroke. @param {Ring[]} rings */
export function pathOf(rings) {
  const path = new Path2D();
  for (const ring of rings) {
    path.moveTo(...ring[0]);
    for (const [x, y] of ring.slice(1)) {
      path.lineTo(x, y);
    }
    path.closePath();
  }
  return path;
}

/**
 * Chain the steps into rings of step midpoints, in cells.
 * @param {Map<number, number[]>} leaving
 * @param {number} corner
 */
function ringsOf(leaving, corner) {
  /** @type {Ring[]} */
  const rings = [];
  for (const [start, ways] of leaving) {
    while (ways.length) {
      /** @type {Ring} */
      const ring = [];
      let at = start;
      do {
        const next = leaving.get(at)?.pop();
        if (next === undefined) {
          break; // each border has two sides: a ring always closes
        }
        ring.push([((at % corner) + (next % corner)) / 2, (Math.floor(at / corner) + Math.floor(next / corner)) / 2]);
        at = next;
      } while (at !== start);
      rings.push(ring);
    }
  }
  return rings;
}

/** @param {Ring} ring @returns {Ring} */
function smoothed(ring) {
  const last = ring.length - 1;
  return ring.map(([x, y], index) => {
    const [beforeX, beforeY] = ring[index === 0 ? last : index - 1];
    const [afterX, afterY] = ring[index === last ? 0 : index + 1];
    return [(beforeX + 2 * x + afterX) / 4, (beforeY + 2 * y + afterY) / 4];
  });
}

/**
 * The ring without the points that lie on a straight line between their neighbours.
 * @param {Ring} ring
 * @returns {Ring}
 */
function straightened(ring) {
  const last = ring.length - 1;
  const kept = ring.filter(([x, y], index) => {
    const [beforeX, beforeY] = ring[index === 0 ? last : index - 1];
    const [afterX, afterY] = ring[index === last ? 0 : index + 1];
    return (x - beforeX) * (afterY - y) !== (y - beforeY) * (afterX - x);
  });
  return kept.length > 2 ? kept : ring;
}
