"""What counting the ground of overlapping tiles once costs, and what the overlaps come to.

python -m benchmarks.own_ground
"""

import time

import numpy as np

from labeling.area.estimators.ground import box_hectares, own_ground

WIDE, HIGH, A_ROW = 0.0054, 0.0034, 255


def grid(tiles: int, overlap: float, astray: float = 0.0) -> np.ndarray:
    """Boxes (tiles, 4) that overlap their neighbours by that share; astray: how far each lies off, in shares of a tile."""
    row, column = np.divmod(np.arange(tiles), A_ROW)
    off = np.random.default_rng(0).normal(size=(2, tiles)) * astray
    west = 26 + (column * (1 - overlap) + off[0]) * WIDE
    south = 51.5 + (row * (1 - overlap) + off[1]) * HIGH
    return np.column_stack([west, south, west + WIDE, south + HIGH])


CASES = {
    "65,000 tiles, 1 %": grid(65_000, 0.01),
    "65,000 tiles, 3 %": grid(65_000, 0.03),
    "2 × 65,000 tiles a little apart, 3 %": np.vstack([grid(65_000, 0.03, 0.01), grid(65_000, 0.03, 0.02)]),
    "450,000 tiles, 1 %": grid(450_000, 0.01),
}


def main() -> None:
    for name, boxes in CASES.items():
        began = time.process_time()
        ground = own_ground(boxes)
        seconds = time.process_time() - began
        whole = box_hectares(boxes)
        print(
            f"{name}: {seconds:.1f} s of processor, {(whole * ground.shares).sum():,.0f} ha once, {whole.sum():,.0f} ha in all"
        )


if __name__ == "__main__":
    main()
