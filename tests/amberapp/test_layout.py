"""The house stays readable: short lines of templates, modules of one subject, packages that one can take in."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.paths import ROOT

LONGEST_LINE = 120
LONGEST_MODULE = 500
MOST_MODULES = 20


def files(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in sorted(set(listed.stdout.splitlines())) if (path := ROOT / name).is_file()]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", files("templates/*.html", "templates/*.txt"), ids=relative)
def test_no_line_of_a_template_is_longer_than_a_reader_can_take_in(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > LONGEST_LINE] == []


def test_no_module_is_longer_than_five_hundred_lines() -> None:
    written = [path for path in files("*.py", "static/js/*.js") if "migrations" not in path.parts]
    lengths = {relative(path): len(path.read_text().splitlines()) for path in written}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_no_package_holds_more_modules_than_twenty() -> None:
    # Migrations and commands are lists that grow by their nature.
    lists = {"migrations", "commands"}
    modules = files("amberapp/*.py", "detection/*.py", "labeling/*.py")
    counted = Counter(
        relative(path.parent)
        for path in modules
        if path.name != "__init__.py" and path.parent.name not in lists
    )
    assert {package: count for package, count in counted.items() if count > MOST_MODULES} == {}
