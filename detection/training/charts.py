"""Numbers as points of small SVG charts: squares of CHART units, rightwards and upwards."""

from collections.abc import Sequence
from dataclasses import dataclass

CHART = 200
# Area of the largest dot of a reliability curve.
LARGEST_DOT = 9.0
SMALLEST_DOT = 2.5


def curve_points(curve: Sequence[Sequence[float]]) -> str:
    """The `points` of a polyline through [x, y] in 0…1."""
    return " ".join(f"{x * CHART:.1f},{(1 - y) * CHART:.1f}" for x, y, *_rest in curve)


@dataclass(frozen=True)
class Dot:
    """A bin of a reliability curve: where it lies, how large, and its numbers in words for those who cannot see it."""

    x: str
    y: str
    radius: str
    said: float
    was: float
    rows: int


def reliability_dots(bins: Sequence[Sequence[float]]) -> list[Dot]:
    """`bins`: [probability said, share that is mining, rows]; the dot's area grows with the rows."""
    most = max((row[2] for row in bins), default=1)
    return [
        Dot(
            x=f"{said * CHART:.1f}",
            y=f"{(1 - was) * CHART:.1f}",
            radius=f"{max(SMALLEST_DOT, LARGEST_DOT * (rows / most) ** 0.5):.1f}",
            said=said,
            was=was,
            rows=int(rows),
        )
        for said, was, rows in bins
    ]
