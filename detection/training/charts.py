"""Numbers as points of small SVG charts: squares of CHART units, rightwards and upwards."""

from collections.abc import Sequence
from dataclasses import dataclass

CHART = 200
# Area of the largest dot of a reliability curve.
LARGEST_DOT = 9.0
SMALLEST_DOT = 2.5


@dataclass(frozen=True)
class Frame:
    """The square of a chart with its grid of quarters, and where ticks and names stand around it."""

    side: int

    @property
    def middle(self) -> int:
        return self.side // 2

    @property
    def view_box(self) -> str:
        return f"-26 -8 {self.side + 34} {self.side + 34}"

    @property
    def grid(self) -> str:
        """The `d` of a path: four lines across, four lines down."""
        at = [self.side * quarter // 4 for quarter in range(5)]
        return "".join(f"M0 {y}H{self.side}" for y in at[:-1]) + "".join(
            f"M{x} 0V{self.side}" for x in at[1:]
        )

    @property
    def ticks_below(self) -> int:
        return self.side + 14

    @property
    def name_below(self) -> int:
        return self.side + 20


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
            x=f"{probability * CHART:.1f}",
            y=f"{(1 - was) * CHART:.1f}",
            radius=f"{max(SMALLEST_DOT, LARGEST_DOT * (rows / most) ** 0.5):.1f}",
            said=probability,
            was=was,
            rows=int(rows),
        )
        for probability, was, rows in bins
    ]
