"""What differs between two runs of a region."""

from argparse import ArgumentParser
from typing import Any

from amberapp.commands import AmberCommand
from detection.runs.diff import compare_runs, earlier_and_later, named_rows


class Command(AmberCommand):
    help = "Compare two runs of a region: tiles that appeared, vanished or changed, and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("runs", type=int, nargs=2, metavar="RUN", help="the order does not matter")
        parser.add_argument("--json", action="store_true", help="one JSON object with every differing tile")

    def work(self, **options: Any) -> dict[str, Any]:
        diff = compare_runs(*earlier_and_later(*options["runs"]))
        result: dict[str, Any] = {
            "then": diff.then.pk,
            "now": diff.now.pk,
            "unchanged": diff.unchanged,
            "counts": diff.counts(),
        }
        if options["json"]:
            result["tiles"] = list(named_rows(diff.rows))
        return result

    def describe(self, result: dict[str, Any]) -> str:
        lines = [f"run {result['then']} → run {result['now']}: {result['unchanged']} tiles unchanged"]
        for kind, reasons in result["counts"].items():
            lines.append(f"{kind}: {sum(reasons.values())}")
            lines += [f"    {reason}: {count}" for reason, count in reasons.items()]
        return "\n".join(lines)
