"""`make docs`: the documentation as a small site under `site/`, made without a network once its tools are installed.

The tools live in an environment of their own, `.venv-docs`, because nothing else needs them. A warning (a link that
leads nowhere, a page that the menu leaves out, a docstring that cannot be read) fails, and so does a page that would
fetch anything from another host. Standard library only.
"""

import html.parser
import os
import subprocess
import sys
from pathlib import Path

from scripts.environment import ROOT, SetupError, ensure_virtual_environment

DOCS_VENV = ROOT / ".venv-docs"
DOCS_LOCK = ROOT / "requirements-docs.txt"
SITE = ROOT / "site"


class Fetched(html.parser.HTMLParser):
    """Gathers what a page loads by itself, as against what its links lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        loads = [values.get("src")]
        if tag == "link" and values.get("rel") != "canonical":
            loads.append(values.get("href"))
        self.addresses += [address for address in loads if address]


def main() -> int:
    """Build the site. 0: it stands; 1: something is wrong with the documentation; 2: the tools cannot be had."""
    try:
        ensure_virtual_environment([DOCS_LOCK], lambda sentence: print(sentence, flush=True), DOCS_VENV)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    mkdocs = [str(DOCS_VENV / "bin" / "mkdocs"), "build", "--strict", "--quiet", "--site-dir", str(SITE)]
    # Ruff, with which signatures are laid out, is looked for on the PATH; Material's banner praises other software.
    quiet = {"PATH": f"{DOCS_VENV / 'bin'}{os.pathsep}{os.environ['PATH']}", "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(mkdocs, cwd=ROOT, env={**os.environ, **quiet}, check=False)
    if built.returncode != 0:
        return 1
    strangers = fetched_from_elsewhere(SITE)
    for line in strangers:
        print(line, file=sys.stderr)
    if not strangers:
        print(f"Open {(SITE / 'index.html').as_uri()}")
    return int(bool(strangers))


def fetched_from_elsewhere(site: Path) -> list[str]:
    """A sentence for each page that loads something from another host."""
    found = []
    for page in sorted(site.rglob("*.html")):
        parser = Fetched()
        parser.feed(page.read_text(encoding="utf-8"))
        found += [
            f"{page.relative_to(site)} loads {address}"
            for address in parser.addresses
            if address.startswith(("http:", "https:", "//"))
        ]
    return found


if __name__ == "__main__":
    sys.exit(main())
