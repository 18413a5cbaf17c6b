"""All kinds of classifier side by side on what people say now."""

from argparse import ArgumentParser
from typing import Any

from amberapp.commands import AmberCommand
from detection.features import EXTRACTOR_NAMES
from detection.ground.find_region import region_named
from labeling.training.retrain import request_comparison


class Command(AmberCommand):
    help = "Compare all kinds of classifier on held-out places, and propose one. Trains nothing that is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--region", help="name of the region (needed when there are several)")
        parser.add_argument("--extractor", choices=EXTRACTOR_NAMES)
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        job = request_comparison(
            region=region_named(options["region"]), acting_user=None, extractor=options["extractor"]
        )
        return self.finish(job)

    def describe(self, result: dict[str, Any]) -> str:
        lines = [f"{result['n']} labelled superpixels, {result['positives']} of them mining"]
        for name, groupings in result["algorithms"].items():
            for grouping, figures in groupings.items():
                if figures is None:
                    lines.append(f"{name:<14} {grouping:<9} not measured: {result['reasons'][grouping]}")
                    continue
                told = [
                    "{} {:.3f} [{:.2f}–{:.2f}]".format(word, figures[key], *figures["intervals"][key])
                    for word, key in (("F1", "f1"), ("average precision", "average_precision"))
                ]
                lines.append(f"{name:<14} {grouping:<9} {', '.join(told)}")
        proposal = result["proposal"]
        why = (
            f"the best is {proposal['best']}, which cannot be told from it" if proposal["tie"] else "the best"
        )
        lines.append(f"proposed: {proposal['algorithm']} ({why}, {proposal['grouping']})")
        return "\n".join(lines)
