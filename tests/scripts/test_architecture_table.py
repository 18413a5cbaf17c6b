"""docs/architecture.md tells the packages as they are."""

from pathlib import Path

from scripts.architecture_table import main, packages, render, still_holds

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_tables_hold() -> None:
    assert main(["--check"]) == 0, "make architecture"


def test_no_package_is_a_house_of_its_own() -> None:
    found = packages(ROOT)
    for app in ("labeling", "detection"):
        lines = {one.name: one.lines for one in found if one.app == app}
        assert max(lines.values()) <= 0.25 * sum(lines.values()), lines


def small_house(root: Path, *, lines: int = 300, imported: str = "detection.ground.polygons") -> str:
    for name in ("labeling/desk", "labeling/migrations", "detection/ground", "amberapp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "labeling/desk/queue.py").write_text(
        f"from {imported} import area\n\n\ndef late():\n    import amberapp.jobs\n" + "\n" * lines
    )
    (root / "labeling/migrations/0001_initial.py").write_text("from detection.ground import models\n" * 1000)
    (root / "labeling/tasks.py").write_text(
        "from labeling.desk import queue\nfrom labeling.desk.queue import late\n"
    )
    (root / "detection/ground/polygons.py").write_text("import numpy\n")
    (root / "amberapp/jobs.py").write_text("import os\n")
    return render(packages(root))


def test_arrows_are_read_wherever_they_stand_and_migrations_are_left_out(tmp_path: Path) -> None:
    tables = small_house(tmp_path)
    assert "| `desk` | 1 | 300 | 99% | `amberapp`, `detection.ground` | (modules of its own) |" in tables
    assert "| (modules of its own) | 1 | 10 | 1% | `desk` |  |" in tables
    assert "migrations" not in tables


def test_a_few_lines_do_not_matter_and_an_arrow_does(tmp_path: Path) -> None:
    tables = small_house(tmp_path)
    assert still_holds(tables, small_house(tmp_path, lines=350))
    assert not still_holds(tables, small_house(tmp_path, lines=500))
    assert not still_holds(tables, small_house(tmp_path, imported="detection.tasks"))
