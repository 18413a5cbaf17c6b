"""`./amber COMMAND`: a management command of Amber with the right Python and the right site, for people.

Whose site it is: with AMBER_SECRET_KEY in the environment the one that the environment describes, otherwise the demo
that `./run.sh` made, running or not. Standard library only: it has to answer before anything is installed. Service
managers and containers go on calling `manage.py` with their own Python (docs/running.md).
"""

import ast
import difflib
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts import environment, redis_server
from scripts.environment import PYTHON, ROOT, RUNTIME_LOCK, SetupError
from scripts.home import MARK, Home, HomeError

GROUPS: Mapping[str, Sequence[str]] = {
    "Bring in": ("import_tiles", "import_crops", "import_districts", "import_historical"),
    "Train": ("train", "evaluate", "compare_classifiers", "upgrade_features"),
    "Search": ("detect", "pause_run", "resume_run", "cancel_run", "diff_runs"),
    "Publish": ("publish", "export_map", "rebuild_catalogue"),
    "Keep the site": (
        "migrate",
        "collectstatic",
        "changepassword",
        "recompute_consensus",
        "sweep_jobs",
        "check_worker",
        "check",
        "shell",
    ),
    "Called by ./run.sh": ("prepare_demo", "follow_demo"),
}
# Django's own, of which its command line shows more than a site needs.
DJANGOS = {
    "migrate": "Bring the database up to date.",
    "collectstatic": "Gather the static files that the web server hands out.",
    "changepassword": "Give an account another password.",
    "check": "Look for mistakes in the settings; --deploy for a site in public.",
    "shell": "Python with the site's settings and models.",
}
# The apps first: Celery lets Python look into the caller's directory, where a folder may have the name of an app.
START = """
import sys
import detection, labeling, amberapp
from django.core.management import execute_from_command_line
execute_from_command_line(["amber", *sys.argv[1:]])
"""


class LauncherError(Exception):
    """The command cannot be started; the message is for the person who asked for it."""


def main(arguments: list[str]) -> int:
    """Become the command, whose exit status is then this one's. 2: there is no such command or no site."""
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(listing())
        return 0
    try:
        check_exists(arguments[0])
        settings = site_of(os.environ)
        if not os.environ.get("AMBER_SECRET_KEY"):
            environment.ensure_virtual_environment([RUNTIME_LOCK], _say)
        elif not PYTHON.exists():
            raise LauncherError(f"There is no {PYTHON}: docs/running.md says how a site is installed.")
        os.execve(PYTHON, [str(PYTHON), "-P", "-c", START, *arguments], settings)
    except (LauncherError, SetupError, HomeError) as error:
        print(error, file=sys.stderr)
        return 2


def site_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the command runs: that of a site, or that of the demo. Raises LauncherError."""
    settings = {**environ, "DJANGO_SETTINGS_MODULE": "amberapp.settings", "PYTHONPATH": str(ROOT)}
    if environ.get("AMBER_SECRET_KEY"):
        return settings
    path = ROOT / environ.get("AMBER_HOME", "var")
    if not (path / MARK).exists():
        raise LauncherError(
            f"There is no site in {path} yet. ./run.sh makes one with demo content; for a site of your own, set "
            "AMBER_SECRET_KEY and what else docs/running.md names."
        )
    settings |= Home(path).settings()
    # While the demo runs its workers do the work; otherwise the command does it itself.
    for variable in (redis_server.QUEUE, redis_server.COUNTS):
        if not environ.get(variable) and (redis := redis_server.answering(path, variable)):
            settings[variable] = redis
    return settings


def check_exists(name: str) -> None:
    """Raise LauncherError, with the nearest name, where there is no such command."""
    known = [*commands(), *DJANGOS]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f" Did you mean “{near[0]}”?" if near else ""
        raise LauncherError(f"Amber has no command “{name}”.{meant} ./amber alone lists them all.")


def commands() -> dict[str, str]:
    """The project's own commands, by name: the first sentence of what each says of itself."""
    return {
        path.stem: _help_of(path)
        for path in sorted(ROOT.glob("*/management/commands/*.py"))
        if not path.stem.startswith("_")
    }


def _help_of(path: Path) -> str:
    """The `help` of the command's class, read without running it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Assign(targets=[ast.Name(id="help")], value=ast.Constant(value=str(text))):
                return text.split(". ")[0].rstrip(".") + "."
    return ""


def listing() -> str:
    """All commands, grouped, a line each."""
    said = {**commands(), **DJANGOS}
    width = max(map(len, said))
    lines = [f"Amber {version()}. ./amber COMMAND --help tells what a command takes."]
    for group, names in GROUPS.items():
        lines += ["", group, *(f"  {name:{width}}  {said[name]}" for name in names)]
    return "\n".join(lines)


def version() -> str:
    """The program's version, which is written in pyproject.toml alone."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _say(sentence: str) -> None:
    print(f"amber: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
