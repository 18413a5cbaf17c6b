"""What lies beside the program (licence, version, changes) says one thing everywhere."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_paper_is_there() -> None:
    for name in ("README.md", "LICENSE", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff", "CHANGELOG.md"):
        assert read(name).strip()
    assert read("LICENSE").startswith("MIT License\n")


def test_the_version_is_that_of_the_newest_changes_and_of_the_citation() -> None:
    newest = re.search(r"^## (\S+) - (\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest[1] == settings.VERSION
    assert f"\nversion: {settings.VERSION}\ndate-released: {newest[2]}\nlicense: MIT\n" in read(
        "CITATION.cff"
    )


def test_the_version_is_written_once_in_the_program() -> None:
    files = [
        path
        for app in ("amberapp", "detection", "labeling", "scripts")
        for path in (ROOT / app).rglob("*.py")
    ]
    files += (ROOT / "templates").rglob("*.html")
    assert [path for path in files if settings.VERSION in path.read_text(encoding="utf-8")] == []


def test_changes_are_told_by_version_and_kind() -> None:
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", read("CHANGELOG.md"), re.MULTILINE)) <= kinds
    dates = re.findall(r"^## \S+ - (.+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert dates == sorted(dates, reverse=True)


@pytest.mark.django_db
def test_the_page_about_amber_tells_both_licences_and_the_version(settings: Any) -> None:
    settings.AMBER = {**settings.AMBER, "AMBER_DATA_LICENCE": "ODbL 1.0"}
    page = " ".join(Client().get("/about/").content.decode().split())
    assert f"This is Amber {settings.VERSION}." in page
    assert "under the MIT licence" in page
    assert "published here under ODbL 1.0" in page
    settings.AMBER = {**settings.AMBER, "AMBER_DATA_LICENCE": ""}
    assert "where none is stated" in Client().get("/about/").content.decode()


@pytest.mark.django_db
def test_the_api_tells_the_version() -> None:
    assert f"\n  version: {settings.VERSION}\n" in Client().get("/api/schema/").content.decode()
