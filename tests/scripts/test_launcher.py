"""./amber: the right Python and the right site for everybody who types a command."""

import os
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

from scripts import launcher
from scripts.home import MARK, Home
from scripts.launcher import GROUPS, LauncherError, check_exists, commands, listing, site_of
from tests.scripts.test_run_sh import environment

ROOT = Path(__file__).resolve().parents[2]


def amber(
    home: Path, *arguments: str, by: Path = ROOT / "amber", **extra: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(by), *arguments],
        env=environment(home, **extra),
        cwd=home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The directory of a demo that was made and does not run now."""
    home = Home(tmp_path / "home")
    home.sign()
    home.close()
    return home.path


def test_every_command_is_listed_in_one_group_with_a_line() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted({*commands(), *launcher.DJANGOS})
    assert set(grouped) <= set(get_commands())
    for name in grouped:
        assert any(line.split()[:1] == [name] and line.endswith(".") for line in listing().splitlines()), name


def test_alone_it_lists_the_commands_and_writes_nothing(tmp_path: Path) -> None:
    done = amber(tmp_path / "home")
    assert done.returncode == 0
    assert "Publish\n  publish " in done.stdout
    assert amber(tmp_path / "home", "--help").stdout == done.stdout
    assert not (tmp_path / "home").exists()


def test_a_command_that_does_not_exist_is_named_with_the_nearest_one() -> None:
    with pytest.raises(LauncherError, match=r"no command “exprot_map”\. Did you mean “export_map”\?"):
        check_exists("exprot_map")
    with pytest.raises(LauncherError, match=r"no command “xyzzy”\. \./amber alone"):
        check_exists("xyzzy")


def test_without_a_site_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = amber(tmp_path / "home", "train")
    assert done.returncode == 2
    assert "./run.sh makes one with demo content" in done.stderr
    assert not (tmp_path / "home").exists()


def test_the_settings_are_those_of_the_demo_or_those_of_the_site(demo: Path) -> None:
    theirs = site_of({"AMBER_HOME": str(demo)})
    assert theirs["AMBER_DEMO"] == "1"
    assert theirs["AMBER_SECRET_KEY"] == (demo / "secret_key").read_text()
    assert "AMBER_REDIS_URL" not in theirs
    site = {
        "AMBER_HOME": str(demo),
        "AMBER_SECRET_KEY": "a site's own",
        "AMBER_DATABASE_URL": "postgres://db/amber",
    }
    ours = {name: value for name, value in site_of(site).items() if name.startswith("AMBER_")}
    assert ours == site


def test_a_redis_that_ended_without_a_word_is_not_asked(demo: Path) -> None:
    (demo / "run" / "queue.conf").write_text("bind 127.0.0.1\nport 1\nrequirepass gone\n")
    assert "AMBER_REDIS_URL" not in site_of({"AMBER_HOME": str(demo)})


@pytest.mark.slow
def test_from_elsewhere_through_a_link_and_with_the_status_of_the_command(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "amber").symlink_to("links/amber")
    (tmp_path / "links" / "amber").symlink_to(os.path.relpath(ROOT / "amber", tmp_path / "links"))
    # Somebody's own folder with the name of one of Amber's.
    (tmp_path / "labeling").mkdir()
    (tmp_path / "labeling" / "__init__.py").touch()
    linked = tmp_path / "amber"
    script = (
        "import os, sys; from django.conf import settings; print(settings.HOME, os.getcwd()); sys.exit(7)"
    )
    done = amber(demo, "shell", "--no-imports", "-c", script, by=linked)
    assert done.returncode == 7, done.stderr
    assert done.stdout.split() == [str(demo), str(tmp_path)]
    helped = amber(demo, "help", "train", by=linked)
    assert helped.returncode == 0
    assert helped.stdout.startswith("usage: amber train")


def test_a_demo_is_known_by_its_mark(demo: Path) -> None:
    (demo / MARK).unlink()
    with pytest.raises(LauncherError, match="There is no site in"):
        site_of({"AMBER_HOME": str(demo)})
