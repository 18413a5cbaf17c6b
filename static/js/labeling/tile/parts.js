// Parts: what can be painted. A part is a number: the superpixel's own for the whole of it, and beyond 65535 for one of
// the fragments into which a mixed superpixel falls. Fragments are numbered within their superpixel, 1 to m.

const STEP = 65536;

/** @type {(superpixel: number, fragment?: number) => number} */
export const partOf = (superpixel, piece = 0) => piece * STEP + superpixel;
/** @type {(part: number) => number} */
export const superpixelOf = (part) => part % STEP;
/** @type {(part: number) => number} */
export const fragmentOf = (part) => Math.floor(part / STEP);

/** @typedef {Current & {fragments: Fragments}} Split */

/** Steps to the right and down. @type {Record<Direction, Pair>} */
const WAYS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] };

// What one meets on the tile: the superpixels, and instead of a mixed one its fragments as far as they are here.

/** @type {(current: Current, superpixel: number) => boolean} */
export const isMixed = ({ painting }, superpixel) => painting.labels[superpixel]?.verdict === "mixed";

/**
 * Whether a superpixel is shown in fragments.
 * @param {Current} current
 * @param {number} superpixel
 * @returns {current is Split}
 */
export const inFragments = (current, superpixel) => Boolean(current.fragments) && isMixed(current, superpixel);

/** The middle of a part, in image pixels. @param {Current} current @param {number} part @returns {Point} */
export function centreOf(current, part) {
  return (fragmentOf(part) && current.fragments?.shapeOf(part)) || current.raster.centres[part];
}

/**
 * Every part in the order in which Tab walks through them: a mixed superpixel itself, then its fragments.
 * @param {Current} current
 */
export function readingOrder(current) {
  return current.reading.flatMap((superpixel) =>
    inFragments(current, superpixel) ? [superpixel, ...current.fragments.partsOf(superpixel)] : [superpixel],
  );
}

/**
 * The part that lies nearest in a direction ("left", "right", "up", "down"), or the same one at the edge.
 * @param {Current} current
 * @param {number} from
 * @param {Direction} direction
 */
export function neighbourOf(current, from, direction) {
  if (!current.reading.some((superpixel) => inFragments(current, superpixel))) {
    return current.raster.neighbour(from, direction);
  }
  const there = readingOrder(current).filter((part) => !inFragments(current, part));
  return nearest(there, (part) => centreOf(current, part), from, direction);
}

/**
 * Of some parts the one that lies nearest to `from` in a direction; `from` itself when there is none.
 * @param {number[]} parts
 * @param {(part: number) => Point} placeOf
 * @param {number} from
 * @param {Direction} direction
 */
export function nearest(parts, placeOf, from, direction) {
  const [ahead, aside] = WAYS[direction];
  const start = placeOf(from);
  let best = from;
  let shortest = Infinity;
  for (const part of parts) {
    const { x, y } = placeOf(part);
    const along = (x - start.x) * ahead + (y - start.y) * aside;
    const beside = Math.abs((x - start.x) * aside) + Math.abs((y - start.y) * ahead);
    // Ahead means within 60° of the way; among those the near ones and the straight ones first.
    if (part !== from && along > 0 && beside <= along * 1.75 && along + 2 * beside < shortest) {
      shortest = along + 2 * beside;
      best = part;
    }
  }
  return best;
}

/**
 * What a brush of `radius` image pixels around (x, y) paints with a label; 0 is the one part under that pixel. The
 * eraser takes painted fragments, and a mixed superpixel as a whole only where no fragment of it is painted.
 * @param {Current} current
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {Label | null} label
 */
export function partsUnder(current, x, y, radius, label) {
  const { raster, painting } = current;
  const superpixels = radius ? [...raster.within(x, y, radius)] : [raster.at(x, y)];
  return superpixels.flatMap((superpixel) => {
    if (!superpixel || !inFragments(current, superpixel)) {
      return superpixel ? [superpixel] : [];
    }
    const { fragments } = current;
    const under = radius ? fragments.within(superpixel, x, y, radius) : [fragments.at(superpixel, x, y)];
    if (label) {
      return under;
    }
    const bare = !painting.piecesOf(superpixel).length && !painting.isTouching(superpixel);
    return bare ? [superpixel] : under.filter((part) => painting.labels[part]);
  });
}

/** Fragments of mixed superpixels of which nothing is said yet. @param {Current} current */
export function bareFragments(current) {
  return current.reading
    .flatMap((superpixel) => (inFragments(current, superpixel) ? current.fragments.partsOf(superpixel) : []))
    .filter((part) => !current.painting.labels[part]);
}
