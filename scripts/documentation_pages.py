"""What mkdocs is told beside mkdocs.yml: pages that are made, not written, and the menu's entries for them.

- The API reference: a page for each package that pyproject.toml's import contract holds free of Django. That list is
  the only one; what is moved there moves here.
- The decisions in docs/adr, in their order.
- CONTRIBUTING, SECURITY and CHANGELOG, which lie in the root, where people look for them.

Loaded by mkdocs (`hooks:` in mkdocs.yml), never by the site.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PAPERS = {"CONTRIBUTING.md": "Contributing", "SECURITY.md": "Security", "CHANGELOG.md": "Changes"}
API_INDEX = """# Reference

The packages below are pure: arrays, geometry and bytes in, the same out; no Django, no settings, no database. They can be
used [from a script](../from-a-script.md). What is not here (models, actions, pages) belongs to a running site, and
[Architecture](../architecture.md) tells how it is laid out.

"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in the menu's entries that are empty in mkdocs.yml."""
    made: dict[str, list[Any]] = {
        "Reference": ["api/index.md", *({name: f"api/{name}.md"} for name in pure_packages())],
        "Decisions": [f"adr/{path.name}" for path in sorted((ROOT / "docs" / "adr").glob("*.md"))],
        "Papers": [{title: name} for name, title in PAPERS.items()],
    }
    assert config.nav is not None
    for entry in config.nav:
        if isinstance(entry, dict):
            for title in made.keys() & entry.keys():
                entry[title] = made[title]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""

    def add(name: str, text: str) -> None:
        files.append(File.generated(config, name, content=text))

    names = pure_packages()
    add("api/index.md", API_INDEX + "\n".join(f"- [`{name}`]({name}.md)" for name in names))
    for name in names:
        add(f"api/{name}.md", reference(name))
    for name in PAPERS:
        # Their links are written for the root.
        text = (ROOT / name).read_text(encoding="utf-8")
        add(name, re.sub(r"\]\(docs/", "](", text))
    return files


def pure_packages() -> list[str]:
    """The modules that the import contract keeps free of Django, in order."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    found = [
        name
        for contract in contracts
        if "django" in contract.get("forbidden_modules", ())
        for name in contract["source_modules"]
    ]
    return sorted(found)


def reference(name: str) -> str:
    """The page of a module, or of a package with all its public modules."""
    folder = ROOT / Path(*name.split("."))
    modules = [path for path in sorted(folder.rglob("*.py")) if not path.name.startswith("_")]
    dotted = [name, *(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules)]
    return f"# {name}\n\n" + "\n\n".join(f"::: {one}" for one in dotted)
