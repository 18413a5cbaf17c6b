"""Compute the consensus of all labels again, from nothing."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from amberapp.commands import AmberCommand
from labeling.desk.recompute_consensus import recompute_consensus


class Command(AmberCommand):
    help = "Estimate everybody's reliability and every superpixel's consensus from all labels; write what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **_options: Any) -> dict[str, Any]:
        return asdict(recompute_consensus(acting_user=None, progress=self.show))
