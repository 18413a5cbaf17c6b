"""Words can be read: every pair of text and ground that the style sheets use has a contrast of 4.5 to 1 or more."""

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

CSS = ROOT / "static" / "css"
TOKENS = (CSS / "tokens.css").read_text(encoding="utf-8")

TEXT_ON_GROUND = [
    *(
        (text, ground)
        for text in ("text", "text-2", "accent-text")
        for ground in ("bg", "surface", "surface-2")
    ),
    ("text", "ground"),
    ("text-2", "ground"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("on-danger", "danger"),
    ("on-accent-wash", "accent-wash"),
    ("text", "accent-wash"),
    ("on-good-wash", "good-wash"),
    ("on-info-wash", "info-wash"),
    ("on-danger-wash", "danger-wash"),
    ("on-danger-wash", "bg"),
    ("on-danger-wash", "surface"),
]
EDGE_ON_GROUND = [
    *((edge, ground) for edge in ("border-strong", "focus") for ground in ("bg", "surface", "surface-2")),
]


def declared(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+):\s*([^;]+);", block))


def themes() -> dict[str, dict[str, str]]:
    plain, contrast = TOKENS.split("@media (prefers-contrast: more)")
    light, desk = (declared(part) for part in plain.split('[data-theme="desk"] {'))
    more_light, more_desk = (
        declared(part) for part in contrast.split("@media")[0].split('[data-theme="desk"] {')
    )
    return {
        "light": light,
        "desk": {**light, **desk},
        "light, more contrast": {**light, **more_light},
        "desk, more contrast": {**light, **more_light, **desk, **more_desk},
    }


def colour(theme: dict[str, str], name: str) -> str:
    value = theme[name]
    while match := re.fullmatch(r"var\(--([a-z0-9-]+)\)", value):
        value = theme[match[1]]
    return value


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" as WCAG 2.2 defines it, 0–1."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", themes())
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND)
def test_text_can_be_read(theme: str, text: str, ground: str) -> None:
    tokens = themes()[theme]
    assert contrast(colour(tokens, text), colour(tokens, ground)) >= 4.5


@pytest.mark.parametrize("theme", themes())
@pytest.mark.parametrize(("edge", "ground"), EDGE_ON_GROUND)
def test_edges_of_controls_and_the_focus_ring_can_be_seen(theme: str, edge: str, ground: str) -> None:
    tokens = themes()[theme]
    assert contrast(colour(tokens, edge), colour(tokens, ground)) >= 3.0


@pytest.mark.parametrize("sheet", sorted(CSS.glob("*.css")), ids=lambda path: path.name)
def test_a_style_sheet_uses_only_tokens_that_exist(sheet: Path) -> None:
    text = sheet.read_text(encoding="utf-8")
    known = set(declared(TOKENS)) | set(declared(text))
    unknown = {name for name in re.findall(r"var\(--([a-z0-9-]+)\)", text) if name not in known}
    assert unknown == set()
