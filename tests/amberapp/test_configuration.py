"""The one table of settings: typed, documented, unforgiving of misspelling."""

import re

import pytest

from amberapp.configuration import TABLE, ConfigurationError, read
from tests.paths import ROOT

DOCUMENT = ROOT / "docs" / "configuration.md"


def test_the_document_lists_exactly_the_settings_that_exist():
    documented = re.findall(r"^\| `(AMBER_\w+)` \|", DOCUMENT.read_text(), flags=re.MULTILINE)
    assert documented == [variable.name for variable in TABLE]


def test_the_document_gives_each_setting_its_meaning_and_default():
    text = DOCUMENT.read_text()
    for variable in TABLE:
        line = next(line for line in text.splitlines() if line.startswith(f"| `{variable.name}` |"))
        assert variable.meaning in line
        shown = (
            {True: "1", False: "0"}.get(variable.default, variable.default)
            if variable.kind is bool
            else variable.default
        )
        if shown not in ("", ()):
            assert f"`{shown}`" in line


def test_values_are_read_as_their_types():
    values = read({"AMBER_DEMO": "yes", "AMBER_SHARD_TILES": "7", "AMBER_ALLOWED_HOSTS": "a.org, b.org"})
    assert read({"AMBER_SITE_URL": "https://map.example.org/"})["AMBER_SITE_URL"] == "https://map.example.org"
    assert read({"AMBER_SITE_URL": ""})["AMBER_SITE_URL"] == ""
    assert values["AMBER_DEMO"] is True
    assert values["AMBER_SHARD_TILES"] == 7
    assert values["AMBER_ALLOWED_HOSTS"] == ["a.org", "b.org"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("AMBER_SHARD_TILES", "many", "whole number"),
        ("AMBER_DEMO", "perhaps", "write 1 or 0"),
        ("AMBER_SECRETKEY", "x", "Unknown setting AMBER_SECRETKEY"),
        ("AMBER_SITE_URL", "map.example.org", "write https:// and the site's host"),
        ("AMBER_SITE_URL", "https://map.example.org/amber", "write https:// and the site's host"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(name, text, told):
    with pytest.raises(ConfigurationError, match=told):
        read({name: text})
