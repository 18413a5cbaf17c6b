"""django-leaflet starts the maps: LEAFLET_CONFIG reaches the page as data, which the strict policy lets through."""

import json
import re
from pathlib import Path

from django.template import Context, Template

ROOT = Path(__file__).resolve().parents[2]


def test_a_maps_settings_come_as_data_and_not_as_a_script() -> None:
    page = Template('{% load leaflet_tags %}{% leaflet_map "map" creatediv=False %}').render(Context())
    found = re.fullmatch(r'\s*<script id="leaflet-map" type="application/json">(.*)</script>\s*', page)
    assert found
    told = json.loads(json.loads(found[1]))
    assert told["center"] == [51.3, 27.2]
    assert (told["zoom"], told["minzoom"], told["maxzoom"]) == (9, 3, 20)
    assert told["layers"] == [], "no tiles from anybody else's server"


def test_every_page_with_a_map_brings_its_settings_and_leaflets_style() -> None:
    folder = ROOT / "templates"
    texts = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")
    }

    def whole(text: str) -> str:
        """A page brings what its parts need, or its base does: both are read as if they stood in the page."""
        text = re.sub(r'{% include "([\w/]+/_\w+\.html)"[^%]*%}', lambda part: texts[part[1]], text)
        base = re.match(r'{% extends "([\w/]+)" %}', text.replace(".html", ""))
        return text + (whole(texts.get(f"{base[1]}.html", "")) if base else "")

    pages = [whole(text) for name, text in texts.items() if "/_" not in name]
    told = {
        name for page in pages for name in re.findall(r'{% leaflet_map "([\w-]+)" creatediv=False %}', page)
    }
    assert told == {"map", "compare-map", "my-map", "named-map", "region-map", "report-map"}
    for name in told:
        (page,) = (page for page in pages if f'{{% leaflet_map "{name}"' in page)
        assert f'id="{name}"' in page
        assert "{% leaflet_css %}" in page
