"""Draw the small pictures of the guide "How to tell": mining and what is mistaken for it, seen from above.

Everything is drawn by this program from one seed, so the pictures can be published freely. They show the traits
that the text names; they are no images of real places and nothing is trained on them.

    python scripts/draw_look_alikes.py            writes static/img/how/*.svg
"""

import math
import random
from collections.abc import Callable
from pathlib import Path

WIDTH, HEIGHT = 300, 200
FOLDER = Path(__file__).resolve().parent.parent / "static" / "img" / "how"
FOREST, CROWNS = "#3c4b35", ("#46583d", "#33412e", "#50634a")
SAND, PALE, WET = "#d9c9a3", "#efe6cd", "#3f4f4e"

Point = tuple[float, float]


def path(points: list[Point], fill: str, extra: str = "") -> str:
    """A closed smooth outline through the midpoints of `points`."""
    middle = [
        ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(points, points[1:] + points[:1], strict=True)
    ]
    steps = "".join(
        f"Q{p[0]:.0f} {p[1]:.0f} {m[0]:.0f} {m[1]:.0f}"
        for p, m in zip(points[1:] + points[:1], middle[1:] + middle[:1], strict=True)
    )
    return f'<path d="M{middle[0][0]:.0f} {middle[0][1]:.0f}{steps}Z" fill="{fill}"{extra}/>'


def blob(
    rng: random.Random, x: float, y: float, radius: float, fill: str, rough: float = 0.25, extra: str = ""
) -> str:
    count = max(7, round(radius / 3))
    points = []
    for k in range(count):
        r = radius * rng.uniform(1 - rough, 1 + rough)
        angle = 2 * math.pi * k / count
        points.append((x + r * math.cos(angle), y + r * math.sin(angle)))
    return path(points, fill, extra)


def rect(x: float, y: float, width: float, height: float, fill: str, turn: float = 0.0) -> str:
    turned = f' transform="rotate({turn:.0f} {x:.0f} {y:.0f})"' if turn else ""
    return f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" fill="{fill}"{turned}/>'


def forest(
    rng: random.Random, keep: Callable[[float, float], bool] = lambda x, y: True, step: int = 13
) -> str:
    """Tree crowns wherever `keep` allows."""
    drawn = dict.fromkeys(CROWNS, "")
    for y in range(-4, HEIGHT + 8, step):
        for x in range(-4, WIDTH + 8, step):
            cx, cy = x + rng.uniform(-4, 4), y + rng.uniform(-4, 4)
            if keep(cx, cy):
                r = rng.uniform(5, 8)
                drawn[rng.choice(CROWNS)] += (
                    f"M{cx - r:.0f} {cy:.0f}a{r:.0f} {r:.0f} 0 1 0 {2 * r:.0f} 0a{r:.0f} {r:.0f} 0 1 0-{2 * r:.0f} 0"
                )
    return "".join(f'<path d="{d}" fill="{colour}"/>' for colour, d in drawn.items() if d)


def ground(colour: str) -> str:
    return f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{colour}"/>'


def mining(rng: random.Random) -> str:
    """Crowded pits of many sizes, each with a pale rim of sand, some with water; ragged edge, dead trees left."""
    patches = [(120, 95, 62), (185, 110, 58), (150, 70, 48), (95, 125, 40), (220, 80, 34)]

    def inside(x: float, y: float) -> bool:
        return any(math.hypot(x - a, y - b) < r * 0.92 for a, b, r in patches)

    parts = [ground(FOREST)]
    parts += [blob(rng, x, y, r, "#b8a27a", 0.3) for x, y, r in patches]
    pits: list[tuple[float, float, float]] = []
    for _ in range(700):
        x, y, r = rng.uniform(40, 262), rng.uniform(22, 172), rng.choice((5, 6, 7, 9, 11, 13))
        if inside(x, y) and all(math.hypot(x - a, y - b) > 0.88 * (r + c) for a, b, c in pits):
            pits.append((x, y, r))
    for x, y, radius in pits:
        parts.append(blob(rng, x, y, radius, rng.choice((SAND, PALE, PALE)), 0.22))
        parts.append(
            blob(rng, x + 1, y + 1, radius * 0.58, rng.choice((WET, "#5d5846", "#6f6448", WET)), 0.25)
        )
    parts.append(forest(rng, lambda x, y: not inside(x, y)))
    return "".join(parts)


def deforestation(rng: random.Random) -> str:
    """A clear-cut: straight edges, parallel tracks of machines, stumps in rows, no pits."""
    corner = [(70, 28), (246, 44), (232, 166), (56, 150)]
    shape = "M" + "L".join(f"{x} {y}" for x, y in corner) + "Z"
    tracks = "".join(f"M{60 + k * 13} 30l{-14} {128}" for k in range(1, 15))
    stumps = "".join(
        f"M{64 + k * 13 + rng.uniform(-1, 3):.0f} {36 + row * 11:.0f}h2"
        for k in range(14)
        for row in range(11)
    )

    def outside(x: float, y: float) -> bool:
        return not (52 - (y - 28) * 0.1 < x < 252 - (y - 44) * 0.1 and 26 < y < 168)

    return (
        ground(FOREST)
        + f'<path d="{shape}" fill="#8d8560"/><clipPath id="c"><path d="{shape}"/></clipPath><g clip-path="url(#c)">'
        + f'<path d="{tracks}" stroke="#a59c74" stroke-width="4"/><path d="{stumps}" stroke="#5c5a3c" stroke-width="2"/></g>'
        + forest(rng, outside)
    )


def sand_pit(rng: random.Random) -> str:
    """One big bowl with smooth terraces and a road for lorries."""
    parts = [ground("#7c8157")]
    parts.append('<path d="M300 176C250 168 236 150 206 128" fill="none" stroke="#cbbd9a" stroke-width="9"/>')
    for radius, fill in ((76, "#cdbb90"), (62, "#dccba1"), (48, "#e9dcb8"), (33, "#d6c59b"), (18, "#7fa0a6")):
        shape = [
            (146 + 1.35 * radius * math.cos(a / 14 * math.tau), 98 + radius * math.sin(a / 14 * math.tau))
            for a in range(14)
        ]
        parts.append(path(shape, fill))
    parts.append(rect(196, 112, 9, 5, "#b2552f", 24))
    parts.append(
        forest(rng, lambda x, y: math.hypot((x - 146) / 1.35, y - 98) > 88 and not (x > 190 and y > 105))
    )
    return "".join(parts)


def cemetery(rng: random.Random) -> str:
    """Small stones in rows, paths at right angles, a straight fence, single old trees."""
    parts = [ground("#8a9463"), rect(54, 34, 196, 134, "#a3a679")]
    parts.append('<path d="M54 34h196v134H54z" fill="none" stroke="#6f6a55" stroke-width="2"/>')
    parts.append('<path d="M150 34v134M54 100h196" stroke="#d3c9a8" stroke-width="6"/>')
    stones = {"#e6e1d6": "", "#b9b3a6": "", "#8d8a84": ""}
    for row in range(12):
        for k in range(22):
            x, y = 60 + k * 8.6, 40 + row * 10.6
            if abs(x - 149) < 7 or abs(y - 99) < 6 or rng.random() < 0.08:
                continue
            stones[rng.choice(list(stones))] += f"M{x:.0f} {y:.0f}h4v6h-4z"
    parts += [f'<path d="{d}" fill="{colour}"/>' for colour, d in stones.items()]
    parts.append(forest(rng, lambda x, y: (x < 40 or x > 264 or y < 20 or y > 182) or rng.random() < 0.05))
    return "".join(parts)


def snow(rng: random.Random) -> str:
    """White lies everywhere: on the field, on the road, in gaps between trees; soft edges, no rims."""
    parts = [ground("#dfe5ea")]
    parts += [
        blob(rng, rng.uniform(0, 300), rng.uniform(0, 200), rng.uniform(10, 26), "#eef2f5", 0.35)
        for _ in range(14)
    ]
    parts += [
        blob(rng, rng.uniform(120, 300), rng.uniform(0, 200), rng.uniform(4, 13), "#8b8b78", 0.45)
        for _ in range(26)
    ]
    parts.append('<path d="M0 150C90 138 180 172 300 158" fill="none" stroke="#f7f9fb" stroke-width="9"/>')
    parts.append(forest(rng, lambda x, y: x < 96 + 18 * math.sin(y / 24) and rng.random() < 0.7))
    return "".join(parts)


def field(rng: random.Random) -> str:
    """Straight borders, furrows all one way, large even areas."""
    parts = [ground("#a89c68")]
    plots = [
        (0, 0, 118, 112, "#8b7550"),
        (118, 0, 182, 82, "#b9ad70"),
        (0, 112, 118, 88, "#7f8d52"),
        (118, 82, 182, 118, "#9a825a"),
    ]
    for number, (x, y, width, height, fill) in enumerate(plots):
        parts.append(rect(x, y, width - 3, height - 3, fill))
        lines = "".join(f"M{x} {y + k}h{width - 3}" for k in range(5, height - 3, 7))
        if number % 2:
            lines = "".join(f"M{x + k} {y}v{height - 3}" for k in range(5, width - 3, 7))
        parts.append(f'<path d="{lines}" stroke="#000" stroke-opacity=".13" stroke-width="2"/>')
    parts += [
        blob(rng, rng.uniform(130, 280), rng.uniform(100, 180), rng.uniform(6, 15), "#bba77c", 0.3)
        for _ in range(4)
    ]
    return "".join(parts)


def settlement(rng: random.Random) -> str:
    """Roofs with straight sides and shadows, along a road, each with its garden."""
    parts = [ground("#87945f")]
    parts.append(
        '<path d="M0 96C80 88 200 110 300 98M190 103V200" fill="none" stroke="#cfc6b4" stroke-width="10"/>'
    )
    for k in range(9):
        for row, turn in ((56, -3), (124, 4)):
            x = 12 + k * 32 + rng.uniform(-3, 3)
            if row == 124 and 168 < x < 204:
                continue
            y = row + rng.uniform(-4, 4)
            garden_y = y - 46 if row == 56 else y + 22
            parts.append(rect(x - 4, garden_y, 26, 42, rng.choice(("#79693f", "#6f8a49", "#95894f"))))
            parts.append(rect(x + 2, y + 3, 17, 13, "#3d3b34", turn))
            parts.append(rect(x, y, 17, 13, rng.choice(("#b9b4ab", "#a5553c", "#8c8c90", "#c9c4b8")), turn))
    return "".join(parts)


def cloud(rng: random.Random) -> str:
    """White without any structure, a soft edge, and its shadow lying apart on one side."""
    puffs = [(rng.gauss(150, 44), rng.gauss(78, 20), rng.uniform(20, 38)) for _ in range(16)]
    blur = '<filter id="b" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="7"/></filter>'
    shadow = "".join(f'<circle cx="{x + 44:.0f}" cy="{y + 62:.0f}" r="{r:.0f}"/>' for x, y, r in puffs)
    white = "".join(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{r:.0f}"/>' for x, y, r in puffs)
    return (
        f"<defs>{blur}</defs>"
        + ground("#5f6d47")
        + rect(0, 150, 300, 50, "#98905f")
        + forest(rng, lambda x, y: y < 146)
        + f'<g filter="url(#b)" fill="#10140d" opacity=".55">{shadow}</g><g filter="url(#b)" fill="#f4f5f5">{white}</g>'
    )


DRAWINGS: dict[str, Callable[[random.Random], str]] = {
    "mining": mining,
    "deforestation": deforestation,
    "sand_pit": sand_pit,
    "cemetery": cemetery,
    "snow": snow,
    "field": field,
    "settlement": settlement,
    "cloud": cloud,
}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        body = draw(random.Random(f"amber {name}"))
        picture = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{body}</svg>\n'
        (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
