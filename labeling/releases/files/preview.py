"""The pictures that other sites show beside a link to a release, one a language: 1200 × 630, words and squares, no imagery. Pure.

Colours are those of static/css/tokens.css, letters those of static/vendor (Pillow's FreeType reads woff2); each font
file holds the letters of one script, so text is drawn in runs. The same content gives the same bytes with the same
Pillow. Neither the number nor the day of the release stands in it: a release that is published again keeps it.
"""

import io
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from labeling.releases.files.content import Content
from labeling.releases.files.grid import Cell, cell_of

SIZE = (1200, 630)
PAPER, PAPER_2, INK, INK_2 = "#faf7f1", "#f1ece2", "#1d1b18", "#5c564c"
AMBER, AMBER_DEEP, GROUND, GROUND_LINE = "#d9811e", "#9a5408", "#e9e6dc", "#f7f5ee"
MARGIN = 72
# The map's field: a square on the right.
FIELD = (630, 0, 1200, 630)
# Of the field's side; finer cells would be dots.
LEAST_CELL = 13
FINEST = 18
VENDOR = Path(__file__).resolve().parents[3] / "static" / "vendor"
SERIF, SANS = "source-serif-4/source-serif-4-{}-600-normal.woff2", "inter/inter-{}-wght-normal.woff2"
BOLD = 600


def preview(content: Content, figures: dict[str, Any], language: str) -> bytes:
    """PNG, RGB, 1200 × 630, with the words of one of LANGUAGES."""
    words = LANGUAGES[language]
    image = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    _map(draw, content)
    draw.rectangle((0, 0, FIELD[0] - 1, SIZE[1]), fill=PAPER)
    draw.rectangle((FIELD[0], 0, FIELD[0] + 3, SIZE[1]), fill=AMBER)
    room = FIELD[0] - 2 * MARGIN + 30
    _text(draw, (MARGIN, 64), "Amber", SANS, 30, AMBER_DEEP, room)
    _text(draw, (MARGIN, 150), words.title(figures["region"]["mineral"]), SANS, 30, INK_2, room)
    _text(draw, (MARGIN, 196), figures["region"]["name"], SERIF, 58, INK, room)
    if figures["hectares"] is not None:
        _text(draw, (MARGIN, 308), words.hectares(figures["hectares"]), SERIF, 120, INK, room)
        _text(draw, (MARGIN, 462), words.unit, SANS, 34, INK_2, room)
    told = [words.counted(figures["places"], words.places)]
    if figures["tiles_searched"]:
        told.append(words.counted(figures["tiles_searched"], words.searched))
    _text(draw, (MARGIN, 528), " · ".join(told), SANS, 30, INK_2, room)
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=False, compress_level=6)
    return out.getvalue()


@dataclass(frozen=True)
class _Words:
    """What stands on the picture in one language. A file of a release is made once, whoever asks for it, so it cannot use
    the pages' catalogues, which may change."""

    amber: str
    mineral: str
    unit: str
    # {} is the number; in the order of the forms that `form` gives.
    places: tuple[str, ...]
    searched: tuple[str, ...]
    thousands: str
    decimal: str
    form: Callable[[int], int]

    def title(self, mineral: str) -> str:
        return self.amber if mineral == "amber" else self.mineral.format(mineral)

    def hectares(self, hectares: float) -> str:
        text = f"{hectares:,.0f}" if hectares >= 100 else f"{hectares:.1f}"
        return self._separated(text)

    def counted(self, count: int, forms: tuple[str, ...]) -> str:
        return forms[self.form(count)].format(self._separated(f"{count:,}"))

    def _separated(self, text: str) -> str:
        return text.translate({ord(","): self.thousands, ord("."): self.decimal})


def _form_of_ukrainian(count: int) -> int:
    """CLDR's plural forms of whole numbers: one, few, many."""
    if count % 10 == 1 and count % 100 != 11:
        return 0
    return 1 if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else 2


LANGUAGES = {
    "en": _Words(
        amber="Amber mining sites",
        mineral="Mining sites: {}",
        unit="hectares",
        places=("{} place", "{} places"),
        searched=("{} image searched", "{} images searched"),
        thousands=",",
        decimal=".",
        form=lambda count: int(count != 1),
    ),
    "uk": _Words(
        amber="Місця видобутку бурштину",
        mineral="Місця видобутку: {}",
        unit="га",
        places=("{} місце", "{} місця", "{} місць"),
        searched=("обшукано {} знімок", "обшукано {} знімки", "обшукано {} знімків"),
        thousands="\u00a0",
        decimal=",",
        form=_form_of_ukrainian,
    ),
}


def _map(draw: ImageDraw.ImageDraw, content: Content) -> None:
    """The squares of the map: what was searched in the ground's colour, mining in amber."""
    draw.rectangle(FIELD, fill=PAPER_2)
    boxes = [tile.bounds for tile in content.searched] + [place.tile for place in content.places]
    if not boxes:
        return
    finest = sorted({cell_of(box, FINEST) for box in boxes})
    columns, rows = [column for column, _row in finest], [row for _column, row in finest]
    width, height = max(columns) - min(columns) + 1, max(rows) - min(rows) + 1
    field = FIELD[2] - FIELD[0] - 90
    coarser = 0
    while field / (max(width, height) / 2**coarser) < LEAST_CELL:
        coarser += 1
    zoom = FINEST - coarser
    searched = {(column >> coarser, row >> coarser) for column, row in finest}
    mined: dict[Cell, float] = {}
    for place in content.places:
        cell = cell_of(place.tile, zoom)
        mined[cell] = mined.get(cell, 0.0) + (place.area or 1.0)
    left, top = min(c for c, _r in searched), min(r for _c, r in searched)
    across, down = max(c for c, _r in searched) - left + 1, max(r for _c, r in searched) - top + 1
    side = max(2, min(64, field // max(across, down)))
    start_x = (FIELD[0] + FIELD[2]) // 2 - across * side // 2
    start_y = SIZE[1] // 2 - down * side // 2
    most = max(mined.values(), default=1.0)
    for column, row in sorted(searched):
        x, y = start_x + (column - left) * side, start_y + (row - top) * side
        fill = GROUND
        if (column, row) in mined:
            # The eye reads area, so the share goes by its root.
            fill = _between(GROUND, AMBER, 0.35 + 0.65 * math.sqrt(mined[column, row] / most))
        draw.rectangle((x, y, x + side - 1, y + side - 1), fill=fill, outline=GROUND_LINE)


def _between(one: str, other: str, share: float) -> str:
    parts = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(low + (high - low) * share):02x}" for low, high in parts)


def _script(letter: str) -> str:
    """The font file in which a letter is, as in static/css/fonts.css."""
    code = ord(letter)
    if 0x400 <= code <= 0x45F or code in (0x301, 0x490, 0x491, 0x4B0, 0x4B1, 0x2116):
        return "cyrillic"
    if 0x460 <= code <= 0x52F:
        return "cyrillic-ext"
    return "latin-ext" if 0x100 <= code <= 0x2BA or 0x1E00 <= code <= 0x1EFF else "latin"


@lru_cache(maxsize=64)
def _font(family: str, script: str, size: int) -> ImageFont.FreeTypeFont:
    # The simple layout: the other one is a library of the system and may draw otherwise elsewhere.
    font = ImageFont.truetype(VENDOR / family.format(script), size, layout_engine=ImageFont.Layout.BASIC)
    if family == SANS:
        font.set_variation_by_axes([BOLD])
    return font


def _runs(text: str) -> list[tuple[str, str]]:
    return [(script, "".join(run)) for script, run in itertools.groupby(text, _script)]


def _width(text: str, family: str, size: int) -> float:
    return sum(_font(family, script, size).getlength(run) for script, run in _runs(text))


def _text(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    family: str,
    size: int,
    fill: str,
    room: int,
) -> None:
    """Text that is made smaller until it fits, and cut where that is not enough."""
    text = " ".join(text.split())
    smallest = size * 2 // 3
    while size > smallest and _width(text, family, size) > room:
        size -= 1
    while len(text) > 1 and _width(text, family, size) > room:
        text = text[:-2].rstrip() + "…"
    x: float = at[0]
    for script, run in _runs(text):
        font = _font(family, script, size)
        draw.text((x, at[1] + font.getmetrics()[0]), run, font=font, fill=fill, anchor="ls")
        x += font.getlength(run)
