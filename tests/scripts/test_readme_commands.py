"""README's commands do what README says, typed as they are printed, right after `./run.sh`."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.browser.stack import running_site
from tests.conftest import picture
from tests.scripts.test_run_sh import environment

ROOT = Path(__file__).resolve().parents[2]
# What else README lets people type: the first is what this test begins with, the others are tested or measured elsewhere.
OTHERS = ("./run.sh", "./test.sh", "make ")
# Real crops are of about this many pixels; a tile may be small.
CROP, TILE = 64, 200


def printed() -> list[str]:
    """All that README's code blocks tell people to type, without the remarks."""
    lines = re.findall(r"^    (\S.*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"\s+# .*", "", line) for line in lines]


def test_nothing_is_printed_that_nobody_tries() -> None:
    commands = printed()
    assert sum(command.startswith("./amber") for command in commands) >= 10
    for command in commands:
        assert command == "./amber" or command.startswith(("./amber ", *OTHERS)), command
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {command.split()[1] for command in commands if command.startswith("make ")} <= set(targets)


def put_files(folder: Path) -> None:
    """What README calls one's own, small."""
    images = {
        "my-tiles": (range(2), TILE),
        "my-crops/positive": (range(10, 13), CROP),
        "my-crops/negative": (range(20, 23), CROP),
        "other-crops/positive": (range(30, 32), CROP),
        "other-crops/negative": (range(40, 42), CROP),
    }
    for name, (seeds, size) in images.items():
        (folder / name).mkdir(parents=True)
        for seed in seeds:
            (folder / name / f"{seed}.jpg").write_bytes(picture(seed, size))
    square = [[26.4, 51.4], [26.6, 51.4], [26.6, 51.6], [26.4, 51.6], [26.4, 51.4]]
    small = [[26.51, 51.49], [26.512, 51.49], [26.512, 51.491], [26.51, 51.491], [26.51, 51.49]]
    for name, ring in (("districts", square), ("old-map", small)):
        feature = {
            "type": "Feature",
            "properties": {"name": "Sarny"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        collection = {"type": "FeatureCollection", "features": [feature]}
        (folder / f"{name}.geojson").write_text(json.dumps(collection))


@pytest.mark.slow
def test_every_command_works_as_printed(tmp_path: Path, free_port: int) -> None:
    put_files(tmp_path)
    # A reader types in the checkout; here a link stands for it, so that what is written goes with the test.
    (tmp_path / "amber").symlink_to(ROOT / "amber")

    def type_in(command: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env=environment(tmp_path / "var"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    commands = [command for command in printed() if command.startswith("./amber")]
    with running_site(tmp_path, free_port):
        for command in commands:
            type_in(command)
    assert (tmp_path / "my-map" / "index.html").exists()
    # When the demo has been stopped, commands do the work themselves.
    type_in("./amber diff_runs 1 2")
