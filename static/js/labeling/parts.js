// Parts: what can be painted. A part is a number: the superpixel's own for the whole of it, and beyond 65535 for one of
// the finer pieces into which a mixed superpixel falls. Pieces are numbered within their superpixel, 1 to m.

const STEP = 65536;

export const partOf = (superpixel, piece = 0) => piece * STEP + superpixel;
export const superpixelOf = (part) => part % STEP;
export const pieceOf = (part) => Math.floor(part / STEP);

// What one meets on the tile: the superpixels, and instead of a mixed one its pieces as far as they are here.

export const isMixed = ({ painting }, superpixel) => painting.labels[superpixel]?.verdict === "mixed";

/** Whether a superpixel is shown in pieces. */
export const inPieces = (current, superpixel) => Boolean(current.pieces) && isMixed(current, superpixel);

/** The middle of a part, in image pixels. */
export function centreOf(current, part) {
  return pieceOf(part) ? current.pieces.shapeOf(part) : current.raster.centres[part];
}

/** Every part in the order in which Tab walks through them: a mixed superpixel itself, then its pieces. */
export function readingOrder(current) {
  return current.reading.flatMap((superpixel) =>
    inPieces(current, superpixel) ? [superpixel, ...current.pieces.partsOf(superpixel)] : [superpixel],
  );
}

/** The part that lies nearest in a direction ("left", "right", "up", "down"), or the same one at the edge. */
export function neighbourOf(current, from, direction) {
  if (!current.reading.some((superpixel) => inPieces(current, superpixel))) {
    return current.raster.neighbour(from, direction);
  }
  const there = readingOrder(current).filter((part) => !inPieces(current, part));
  return nearest(there, (part) => centreOf(current, part), from, direction);
}

/** Of some parts the one that lies nearest to `from` in a direction; `from` itself when there is none. */
export function nearest(parts, placeOf, from, direction) {
  const [ahead, aside] = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }[direction];
  const start = placeOf(from);
  let best = from;
  let shortest = Infinity;
  for (const part of parts) {
    const { x, y } = placeOf(part);
    const along = (x - start.x) * ahead + (y - start.y) * aside;
    const beside = Math.abs((x - start.x) * aside) + Math.abs((y - start.y) * ahead);
    // The same cone as Raster.neighbour: ahead means within 60° of the way.
    if (part !== from && along > 0 && beside <= along * 1.75 && along + 2 * beside < shortest) {
      shortest = along + 2 * beside;
      best = part;
    }
  }
  return best;
}

/**
 * What a brush of `radius` image pixels around (x, y) paints with a label; 0 is the one part under that pixel. The
 * eraser takes painted pieces, and a mixed superpixel as a whole only where no piece of it is painted.
 */
export function partsUnder(current, x, y, radius, label) {
  const { raster, pieces, painting } = current;
  const superpixels = radius ? [...raster.within(x, y, radius)] : [raster.at(x, y)];
  return superpixels.flatMap((superpixel) => {
    if (!superpixel || !inPieces(current, superpixel)) {
      return superpixel ? [superpixel] : [];
    }
    const under = radius ? pieces.within(superpixel, x, y, radius) : [pieces.at(superpixel, x, y)];
    if (label) {
      return under;
    }
    const bare = !painting.piecesOf(superpixel).length && !painting.isTouching(superpixel);
    return bare ? [superpixel] : under.filter((part) => painting.labels[part]);
  });
}

/** Pieces of mixed superpixels of which nothing is said yet. */
export function barePieces(current) {
  const mixed = current.reading.filter((superpixel) => inPieces(current, superpixel));
  return mixed.flatMap((superpixel) => current.pieces.partsOf(superpixel)).filter((part) => !current.painting.labels[part]);
}
