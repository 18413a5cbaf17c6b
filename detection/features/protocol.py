"""What every feature extractor is, whatever is inside it.

An extractor turns the superpixels of one image into numbers. Its `key` names the numbers: features with different
keys must never meet in one training set.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt


class ExtractorUnavailable(Exception):
    """The extractor exists but cannot work here; the message says why in one sentence for an admin."""


@dataclass(frozen=True)
class WeightsSource:
    """Where a network's weights come from: `path` a file, or None for the network's own place; `identity` a name for its
    content; `network`: which network, and in which form, the converter is to make of them."""

    path: Path | None
    identity: str
    network: str = "resnet50"

    @property
    def title(self) -> str:
        """The network as people call it."""
        return "ResNet50" if self.network == "resnet50" else "EfficientNet-Lite0"


class FeatureExtractor(Protocol):
    """A way of describing superpixels by numbers.

    `name`: what people choose; `version`: changes whenever the numbers change; `weights_hash`: hexadecimal
    SHA-256 of what was learned before, "" where nothing was; `dimension`: numbers a superpixel; `key`: all of these
    in one short word, see `feature_key`. `warnings`: sentences for an admin about how the numbers are made here,
    such as a slower way than the usual one. `blocks`: (numbers, weight) of each kind of numbers, in their order: what
    a kind counts in a classifier that measures distances, however many numbers it has.
    """

    name: str
    version: str
    weights_hash: str
    dimension: int
    key: str
    warnings: tuple[str, ...]
    blocks: tuple[tuple[int, float], ...]

    def extract(self, image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        """Describe every superpixel.

        `image`: uint8 (H, W, 3), sRGB. `labels`: int32 (H, W), superpixels 1…n, 0 where there is no data. Returns
        float32 (n, dimension), finite; row i describes superpixel i + 1. Raises ValueError where the two do not
        fit together or a number below n has no pixel.
        """
        ...


def feature_key(name: str, version: str, weights_hash: str, precision: str = "") -> str:
    """`texture-1-plain`, `resnet50-2-0a1b2c3d4e5f-fp32`: the precision where the same weights give other numbers."""
    return "-".join(filter(None, (name, version, weights_hash[:12] or "plain", precision)))


def bounding_boxes(image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> list[tuple[slice, slice]]:
    """The (rows, columns) of every superpixel's bounding box, superpixel k at place k − 1; none for a tile without data.

    Checks what `FeatureExtractor.extract` is given and raises the ValueError that it promises.
    """
    _check_shapes(image, labels)
    if not labels.size or not labels.any():
        return []
    # Each row is cut into runs of one number: a few thousand of them say what a million pixels would.
    begins = np.ones(labels.shape, bool)
    np.not_equal(labels[:, 1:], labels[:, :-1], out=begins[:, 1:])
    start = np.flatnonzero(begins)
    end = np.append(start[1:], labels.size) - 1
    number = labels.ravel()[start]
    rows, first, last = start // labels.shape[1], start % labels.shape[1], end % labels.shape[1]
    count = int(number.max())
    top, left = np.full(count + 1, labels.shape[0]), np.full(count + 1, labels.shape[1])
    bottom, right = np.full(count + 1, -1), np.full(count + 1, -1)
    np.minimum.at(top, number, rows)
    np.maximum.at(bottom, number, rows)
    np.minimum.at(left, number, first)
    np.maximum.at(right, number, last)
    _check_all_there((bottom[1:] >= 0).tolist())
    corners = np.stack([top, bottom + 1, left, right + 1], axis=1)[1:].tolist()
    return [(slice(upper, lower), slice(west, east)) for upper, lower, west, east in corners]


def count_superpixels(image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> int:
    """How many superpixels there are; checks as `bounding_boxes` does, at a fraction of its time."""
    _check_shapes(image, labels)
    pixels = np.bincount(labels.ravel())[1:]
    _check_all_there((pixels > 0).tolist())
    return len(pixels)


def _check_shapes(image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"an image is uint8 (H, W, 3), not {image.dtype} {image.shape}")
    if labels.shape != image.shape[:2] or labels.dtype.kind not in "iu":
        raise ValueError(f"labels are int32 {image.shape[:2]}, not {labels.dtype} {labels.shape}")
    if labels.size and labels.min() < 0:
        raise ValueError("labels are 0 or positive")


def _check_all_there(there: list[bool]) -> None:
    if not all(there):
        raise ValueError(
            f"superpixel {there.index(False) + 1} has no pixel; superpixels are numbered 1…{len(there)} without gaps"
        )
