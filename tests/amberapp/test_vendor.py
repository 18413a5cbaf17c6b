"""Third-party files are the ones that were checked in, and no page sends its reader to another host."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.paths import ROOT

CHECKSUMS = ROOT / "static" / "vendor" / "CHECKSUMS.sha256"
FOLDERS = (ROOT / "static" / "vendor", ROOT / "tests" / "vendor")
NOT_LISTED = {"CHECKSUMS.sha256", "README.md"}
OURS = [
    path
    for folder, kinds in (
        ("templates", {".html", ".txt"}),
        ("static", {".css", ".js", ".svg", ".webmanifest"}),
    )
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in kinds and FOLDERS[0] not in path.parents
]
# Names of formats, which look like addresses but are never fetched.
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")
ADDRESS = re.compile(r"""(?:https?:|wss?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s"'<>)]*""", re.IGNORECASE)


def listed() -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in CHECKSUMS.read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in pairs}


@pytest.mark.parametrize(("name", "digest"), sorted(listed().items()))
def test_a_vendored_file_is_the_one_that_was_checked_in(name: str, digest: str) -> None:
    assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == digest


def test_every_vendored_file_is_listed() -> None:
    present = {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in folder.rglob("*")
        if path.is_file() and path.name not in NOT_LISTED
    }
    assert present == set(listed())


@pytest.mark.parametrize("folder", ["inter", "source-serif-4"])
def test_every_vendored_package_brings_its_licence(folder: str) -> None:
    assert "license" in (FOLDERS[0] / folder / "LICENSE").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_refers_to_no_other_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for namespace in NAMESPACES:
        text = text.replace(namespace, "")
    assert ADDRESS.findall(text) == []


@pytest.mark.parametrize(
    "path",
    [path for path in OURS if path.suffix == ".html"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_a_template_holds_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=", text)
    assert not re.search(r"<script\b(?![^>]*\bsrc=)", text)
