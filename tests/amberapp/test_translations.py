"""Every sentence of the site is there in Ukrainian, says the same with the same values, and is compiled.

A new sentence in a template, in Python or in a module of static/js fails here by name until it is translated:

    python manage.py makemessages -l uk -d django --no-location --no-wrap --no-obsolete --ignore 'static/vendor*'
    (the same with -d djangojs; fill the new entries in amberapp/locale/uk; then)
    python manage.py compilemessages -l uk

Whether a translation is good is not tested: a reader has to tell.
"""

import ast
import gettext
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.paths import ROOT

CATALOGUES = ROOT / "amberapp" / "locale" / "uk" / "LC_MESSAGES"
DOMAINS = ("django", "djangojs")
SPOKEN = ("amberapp", "detection", "labeling", "templates", "static/js")
PLURAL_FORMS = 4

PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|\{\w*\}|</?\w[^>]*>")


@dataclass
class Entry:
    """One message: the source sentence, its plural (empty where it has none), its translations by form."""

    context: str | None = None
    source: str = ""
    plural: str = ""
    translations: dict[int, str] = field(default_factory=dict)
    fuzzy: bool = False

    @property
    def key(self) -> tuple[str | None, str, str]:
        return self.context, self.source, self.plural

    @property
    def is_translated(self) -> bool:
        wanted = range(PLURAL_FORMS) if self.plural else range(1)
        return not self.fuzzy and all(self.translations.get(form) for form in wanted)


def _entries(path: Path) -> Iterator[Entry]:
    """The messages of a .po file without its header and without what is commented out."""
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        entry, told, keyword = Entry(), dict[str, str](), ""
        for line in block.splitlines():
            if line.startswith("#,"):
                entry.fuzzy = "fuzzy" in line
            elif line and not line.startswith("#"):
                if not line.startswith('"'):
                    keyword, _, line = line.partition(" ")
                told[keyword] = told.get(keyword, "") + ast.literal_eval(line)
        if not told.get("msgid"):
            continue
        entry.context, entry.source = told.get("msgctxt"), told["msgid"]
        entry.plural = told.get("msgid_plural", "")
        for name, text in told.items():
            if name.startswith("msgstr"):
                entry.translations[int(name[7:-1] or 0)] = text
        yield entry


@pytest.fixture
def said(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of everything that speaks, without catalogues; the directory of catalogues made from it."""
    source = tmp_path / "source"
    for name in SPOKEN:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("locale", "__pycache__"))
    monkeypatch.chdir(source)
    settings.LOCALE_PATHS = [source / "amberapp" / "locale"]
    return source / "amberapp" / "locale" / "uk" / "LC_MESSAGES"


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_sentence_is_translated(domain: str, said: Path) -> None:
    assert shutil.which("xgettext"), "xgettext is needed to read the sentences: install gettext"
    settings = {"locale": ["uk"], "domain": domain, "no_location": True, "no_wrap": True, "verbosity": 0}
    call_command("makemessages", **settings)
    spoken = list(_entries(said / f"{domain}.po"))
    assert len(spoken) > 50

    translated = {entry.key for entry in _entries(CATALOGUES / f"{domain}.po") if entry.is_translated}
    untold = [entry.source for entry in spoken if entry.key not in translated]
    assert not untold, "not in Ukrainian (missing, fuzzy or empty):\n" + "\n".join(map(repr, untold))


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_compiled_catalogue_is_that_of_the_text(domain: str) -> None:
    expected: dict[object, str] = {}
    for entry in _entries(CATALOGUES / f"{domain}.po"):
        key = entry.source if entry.context is None else f"{entry.context}\x04{entry.source}"
        if entry.is_translated and entry.plural:
            expected |= {(key, form): text for form, text in entry.translations.items()}
        elif entry.is_translated:
            expected[key] = entry.translations[0]
    with (CATALOGUES / f"{domain}.mo").open("rb") as file:
        compiled = dict(vars(gettext.GNUTranslations(file))["_catalog"])
    compiled.pop("", None)
    stale = [key for key in expected.keys() | compiled.keys() if expected.get(key) != compiled.get(key)]
    assert not stale, "run compilemessages -l uk; these differ:\n" + "\n".join(map(repr, stale))


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_translation_takes_the_values_and_tags_of_its_source(domain: str) -> None:
    wrong = []
    for entry in _entries(CATALOGUES / f"{domain}.po"):
        wanted = [sorted(PLACEHOLDER.findall(text)) for text in (entry.source, entry.plural) if text]
        wrong += [
            f"{entry.source!r} → {text!r}"
            for text in entry.translations.values()
            if sorted(PLACEHOLDER.findall(text)) not in wanted
        ]
    assert not wrong, "values or tags differ:\n" + "\n".join(wrong)
