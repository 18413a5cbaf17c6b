"""docs/from-a-script.md does what it says: its examples run, in their order, as a reader would paste them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labeling.releases.publish import publish_release
from tests.published import approve_all, found_on

PAGE = Path(__file__).resolve().parents[2] / "docs" / "from-a-script.md"


def examples(heading: str) -> list[str]:
    """The Python under one heading of the page."""
    (section,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_the_pure_packages(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = examples("The pure packages")
    assert len(blocks) == 4
    exec("\n".join(blocks), {})
    printed = capsys.readouterr().out
    assert "texture-" in printed
    assert '{"type": "MultiPolygon"' in printed


@pytest.mark.django_db(transaction=True)
def test_the_rest_api(
    live_server: Any,
    region: Any,
    make_tile: Callable[..., Any],
    bob: Any,
    carol: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = found_on(region, [make_tile(1)])
    approve_all(run, bob)
    publish_release(run=run, acting_user=carol)
    monkeypatch.setenv("SITE", live_server.url)
    blocks = examples("The REST API")
    assert len(blocks) == 3
    exec("\n".join(blocks), {})
    printed = capsys.readouterr().out
    assert "Testshire 1" in printed
    assert f"{live_server.url}/report/" in printed
