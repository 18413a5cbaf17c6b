"""Fragments of superpixels, for ground that is part mine and part not.

Every superpixel is divided by itself, so no fragment crosses its border: k-means over place and colour inside its mask,
begun from a grid of seeds, which is SLIC (Achanta et al., 2012) confined to one superpixel at a time. Done on the blocks
in which the labels are constant, so a tile takes some tens of milliseconds and a web process can do it on demand
(NumPy and SciPy only). Left out: dividing a fragment any further.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

# Seeds in a typical superpixel; with what the ground breaks off, about six fragments come of them.
WANTED = 5.5
# How much the extent of a fragment weighs against its colour, in units of CIELAB: lower follows the ground more closely.
COMPACTNESS = 18.0
# Two passes bring nearly all blocks to the fragment they end in; the other two settle the borders.
PASSES = 4
# A part smaller than this share of an average fragment joins a neighbour: nobody could judge it.
SMALLEST = 0.35

_FLOATS = npt.NDArray[np.float32]
_INTEGERS = npt.NDArray[np.int32]


def split_superpixels(image: npt.NDArray[np.uint8], labels: _INTEGERS, scale: int) -> _INTEGERS:
    """Number the fragments within every superpixel of a tile.

    `image`: uint8 (rows, cols, 3), sRGB. `labels`: int32 (rows, cols), superpixels 1…n each connected by edges, 0 where
    there is no data, constant in blocks of `scale` pixels. Returns int32 (rows, cols) with the same blocks: the number
    1…m of the fragment within its superpixel, in reading order, every number used, 0 where there is no data. Every fragment
    is connected by edges, and every superpixel of more than one block has at least two.

    The same input always gives the same fragments. Raises ValueError for an image or labels of another shape.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"an image is uint8 (rows, cols, 3), not {image.dtype} {image.shape}")
    if labels.shape != image.shape[:2]:
        raise ValueError(f"labels {labels.shape} do not fit an image of {image.shape[:2]}")
    if scale < 1:
        raise ValueError(f"scale is the side of a block in pixels, not {scale}")
    blocks = np.ascontiguousarray(labels[::scale, ::scale])
    reduced = image if scale == 1 else np.asarray(Image.fromarray(image).reduce(scale))
    fragments = _split_blocks(_lab(reduced), blocks)
    rows, cols = labels.shape
    return np.ascontiguousarray(np.repeat(np.repeat(fragments, scale, axis=0), scale, axis=1)[:rows, :cols])


def count_fragments(labels: _INTEGERS, fragments: _INTEGERS) -> list[int]:
    """How many fragments every superpixel has, superpixel 1 first; both arrays as in `split_superpixels`."""
    count = int(labels.max(initial=0))
    if count == 0:
        return []
    return [int(most) for most in ndimage.maximum(fragments, labels, np.arange(1, count + 1))]


def _split_blocks(lab: _FLOATS, blocks: _INTEGERS) -> _INTEGERS:
    """`lab`: float32 (rows, cols, 3); `blocks`: int32 (rows, cols). Returns fragment numbers, int32 (rows, cols)."""
    flat = blocks.ravel()
    order = np.argsort(flat, kind="stable")
    count = int(flat.max(initial=0))
    ends = np.searchsorted(flat[order], np.arange(count + 2))
    colours = lab.reshape(-1, 3)
    cols = blocks.shape[1]
    rough = np.zeros(flat.size, np.int32)
    average = np.zeros(count + 1)
    for superpixel in range(1, count + 1):
        inside = order[ends[superpixel] : ends[superpixel + 1]]
        if inside.size == 0:
            continue
        place = np.column_stack(np.divmod(inside, cols)).astype(np.float32)
        rough[inside] = _cluster(place, colours[inside])
        average[superpixel] = inside.size / max(2, int(rough[inside].max()))
    parts, owner, sizes = _connected(blocks, rough.reshape(blocks.shape))
    return _numbered(_joined(parts, owner, sizes, SMALLEST * average), blocks)


def _cluster(place: _FLOATS, colour: _FLOATS) -> _INTEGERS:
    """Clusters 1…m of one superpixel's blocks: place float32 (k, 2) in blocks, colour float32 (k, 3) in CIELAB."""
    side = max(1.0, float(np.sqrt(len(place) / WANTED)))
    points = np.hstack([place * np.float32(COMPACTNESS / side), colour])
    # Seeds: the means of what lies in the squares of a grid around the middle; corners of squares are left to others.
    square = np.floor((place - place.mean(axis=0)) / side + 0.5).astype(np.int64)
    square -= square.min(axis=0)
    _names, seed, sizes = np.unique(
        square[:, 0] * (int(square[:, 1].max()) + 1) + square[:, 1], return_inverse=True, return_counts=True
    )
    seed = seed.reshape(-1)
    kept = np.flatnonzero(sizes >= 0.4 * side * side)
    if kept.size < 2:
        return _halved(place)
    centres = np.stack([points[seed == one].mean(axis=0) for one in kept])
    nearest = np.zeros(len(points), np.int64)
    for _pass in range(PASSES):
        # |p − c|² without |p|², which is the same for every centre.
        nearest = ((centres**2).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)
        members = np.bincount(nearest, minlength=len(centres))
        sums = np.stack([np.bincount(nearest, axis, minlength=len(centres)) for axis in points.T], axis=1)
        filled = members > 0
        centres[filled] = (sums[filled] / members[filled, None]).astype(np.float32)
    if np.ptp(nearest) == 0:
        return _halved(place)
    return (nearest + 1).astype(np.int32)


def _halved(place: _FLOATS) -> _INTEGERS:
    """Two halves along the longer side, 1 and 2; a single block stays 1."""
    longer = int(np.ptp(place, axis=0).argmax())
    along = np.argsort(place[:, longer], kind="stable")
    halves = np.ones(len(place), np.int32)
    halves[along[(len(place) + 1) // 2 :]] = 2
    return halves


def _connected(
    blocks: _INTEGERS, rough: _INTEGERS
) -> tuple[_INTEGERS, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Connected parts: their numbers 1…p, int32 (rows, cols); by part (0 is no data) its superpixel and its size."""
    rows, cols = blocks.shape
    key = blocks.astype(np.int64) * (int(rough.max(initial=0)) + 1) + rough
    # A picture of twice the size, in which two neighbours of one key are joined by the pixel between them.
    joined = np.zeros((2 * rows - 1, 2 * cols - 1), bool)
    joined[::2, ::2] = blocks > 0
    joined[1::2, ::2] = (key[1:] == key[:-1]) & (blocks[1:] > 0)
    joined[::2, 1::2] = (key[:, 1:] == key[:, :-1]) & (blocks[:, 1:] > 0)
    components, count = ndimage.label(joined)
    parts = np.ascontiguousarray(components[::2, ::2]).astype(np.int32)
    owner = np.zeros(count + 1, np.int64)
    owner[parts.ravel()] = blocks.ravel()
    owner[0] = 0
    return parts, owner, np.bincount(parts.ravel(), minlength=count + 1)


def _joined(
    parts: _INTEGERS,
    owner: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    smallest: npt.NDArray[np.float64],
) -> _INTEGERS:
    """Give fragments to the neighbour within the superpixel with the longest common border; two parts always stay."""
    borders = _borders(parts, owner)
    size = sizes.astype(float).tolist()
    left = np.bincount(owner[1:], minlength=len(smallest)).tolist()
    becomes = list(range(len(sizes)))
    fragments = np.flatnonzero(sizes < smallest[owner])
    for fragment in sorted((int(one) for one in fragments if one), key=lambda one: (sizes[one], one)):
        superpixel = int(owner[fragment])
        beside = borders.get(fragment)
        if size[fragment] >= smallest[superpixel] or left[superpixel] <= 2 or not beside:
            continue
        target = max(beside, key=lambda one: (beside[one], -one))
        for other, length in borders.pop(fragment).items():
            del borders[other][fragment]
            if other != target:
                borders[target][other] = borders[other][target] = borders[target].get(other, 0) + length
        becomes[fragment] = target
        size[target] += size[fragment]
        left[superpixel] -= 1
    for part in range(len(becomes)):
        end = part
        while becomes[end] != end:
            end = becomes[end]
        becomes[part] = end
    return np.asarray(becomes, np.int32)[parts]


def _borders(parts: _INTEGERS, owner: npt.NDArray[np.int64]) -> dict[int, dict[int, int]]:
    """For every part the lengths, in block sides, of its borders with other parts of the same superpixel."""
    many = len(owner)
    codes = []
    for one, other in ((parts[1:], parts[:-1]), (parts[:, 1:], parts[:, :-1])):
        touch = (one != other) & (owner[one] == owner[other]) & (one > 0)
        low, high = np.minimum(one, other)[touch], np.maximum(one, other)[touch]
        codes.append(low.astype(np.int64) * many + high)
    pairs, lengths = np.unique(np.concatenate(codes), return_counts=True)
    borders: dict[int, dict[int, int]] = {}
    for pair, length in zip(pairs.tolist(), lengths.tolist(), strict=True):
        low, high = divmod(pair, many)
        borders.setdefault(low, {})[high] = length
        borders.setdefault(high, {})[low] = length
    return borders


def _numbered(parts: _INTEGERS, blocks: _INTEGERS) -> _INTEGERS:
    """Parts numbered 1…m within their superpixel, in the order in which a reader meets them."""
    names, first, where = np.unique(parts.ravel(), return_index=True, return_inverse=True)
    owner = blocks.ravel()[first]
    order = np.lexsort((first, owner))
    ranked = owner[order]
    number = np.arange(len(order)) - np.searchsorted(ranked, ranked) + 1
    of_part = np.zeros(len(names), np.int32)
    of_part[order] = np.where(ranked > 0, number, 0)
    return of_part[where.reshape(parts.shape)]


def _lab(pixels: npt.NDArray[np.uint8]) -> _FLOATS:
    """CIELAB (D65) of sRGB pixels: float32 (rows, cols, 3), L 0…100 (IEC 61966-2-1, CIE 15)."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    white = np.array([0.95047, 1.0, 1.08883])
    xyz = linear[pixels] @ (to_xyz / white[:, None]).T.astype(np.float32)
    bent = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    lab = np.empty_like(bent)
    lab[..., 0] = 116 * bent[..., 1] - 16
    lab[..., 1] = 500 * (bent[..., 0] - bent[..., 1])
    lab[..., 2] = 200 * (bent[..., 1] - bent[..., 2])
    return lab
