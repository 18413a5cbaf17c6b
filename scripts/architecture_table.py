"""`make architecture`: the tables of packages in docs/architecture.md: how large each is and who imports whom.

Read from the sources with the standard library, nothing is imported. Imports inside functions count; migrations do not,
neither as lines nor as imports. `--check` says whether the committed tables still hold: packages and arrows exactly,
lines within a tenth, so that not every edit asks for new tables.
"""

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- made by `make architecture` -->\n", "<!-- end of what `make architecture` made -->\n"
APPS = ("labeling", "detection", "amberapp")
# What lies in the app's folder itself: addresses, jobs, receivers, and in amberapp most of the foundation.
LOOSE = "(modules of its own)"
TOLERANCE = 0.1


@dataclass
class Package:
    """A direct sub-package of an app, or the modules that lie in the app itself."""

    app: str
    name: str
    modules: int = 0
    lines: int = 0
    imports: set[str] = field(default_factory=set)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables, or check them. 0: written, or still true; 1: they no longer hold."""
    parser = argparse.ArgumentParser(prog="python -m scripts.architecture_table", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, say whether the tables still hold"
    )
    check: bool = parser.parse_args(arguments).check
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    committed, after = rest.split(END)
    tables = render(packages(ROOT))
    if check:
        if still_holds(committed, tables):
            return 0
        print(
            "docs/architecture.md no longer tells the packages as they are: make architecture",
            file=sys.stderr,
        )
        return 1
    DOCUMENT.write_text(before + BEGIN + tables + END + after, encoding="utf-8")
    return 0


def packages(root: Path) -> list[Package]:
    """Every package of the three apps, with what it imports of the others."""
    found: dict[tuple[str, str], Package] = {}
    for app in APPS:
        for path in sorted((root / app).rglob("*.py")):
            parts = path.relative_to(root / app).parts
            if parts[0] == "migrations":
                continue
            name = parts[0] if len(parts) > 1 else LOOSE
            package = found.setdefault((app, name), Package(app, name))
            source = path.read_text(encoding="utf-8")
            package.modules += path.name != "__init__.py"
            package.lines += source.count("\n")
            package.imports |= {_seen_from(app, name, other) for other in _imported(root, source)} - {""}
    return list(found.values())


def _imported(root: Path, source: str) -> Iterator[str]:
    """Dotted names that a module imports; `from package import module` names the module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _seen_from(app: str, name: str, imported: str) -> str:
    """The package a dotted name lies in, as the reader of a row calls it; "" where it is no news."""
    other, *rest = imported.split(".")
    if other not in APPS:
        return ""
    inside = rest[0] if rest and (ROOT / other / rest[0]).is_dir() else LOOSE
    if other == app:
        return "" if inside in (name, LOOSE) else inside
    if other == "amberapp" or inside == LOOSE:
        return other
    return f"{other}.{inside}"


def render(found: list[Package]) -> str:
    """The tables as Markdown, the largest package first."""
    blocks = []
    for app in APPS:
        own = sorted((one for one in found if one.app == app), key=lambda one: (-one.lines, one.name))
        total = sum(one.lines for one in own)
        importers: dict[str, list[str]] = defaultdict(list)
        for one in sorted(own, key=lambda one: one.name):
            for name in one.imports:
                importers[name].append(one.name)
        rows = [
            f"| {_code(one.name)} | {one.modules} | {_round(one.lines)} | {one.lines / total:.0%} "
            f"| {_codes(sorted(one.imports, key=lambda name: (name.split('.')[0] in APPS, name)))} "
            f"| {_codes(importers[one.name])} |"
            for one in own
        ]
        head = f"| `{app}/` | modules | lines | share | imports | imported in {app} by |\n"
        blocks.append(head + "| --- | ---: | ---: | ---: | --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n" + "\n".join(blocks) + "\n"


def _round(lines: int) -> int:
    return max(10, round(lines, -1))


def _code(name: str) -> str:
    return name if name == LOOSE else f"`{name}`"


def _codes(names: Sequence[str]) -> str:
    return ", ".join(map(_code, names))


def still_holds(committed: str, tables: str) -> bool:
    """Whether two renderings tell the same packages and arrows, and about the same lines."""
    was, now = _facts(committed), _facts(tables)
    return was.keys() == now.keys() and all(
        was[row][1] == now[row][1] and abs(was[row][0] - now[row][0]) <= max(100, TOLERANCE * now[row][0])
        for row in now
    )


def _facts(tables: str) -> dict[tuple[str, str], tuple[int, str]]:
    """(app, package) → lines and the two columns of arrows."""
    facts, app = {}, ""
    for line in tables.splitlines():
        if opened := re.match(r"\| `(\w+)/` \|", line):
            app = opened[1]
        elif line.startswith("| ") and not line.startswith("| ---"):
            name, _, lines, _, *arrows = (cell.strip() for cell in line.strip("|").split("|"))
            facts[app, name] = int(lines), " | ".join(arrows)
    return facts


if __name__ == "__main__":
    sys.exit(main())
