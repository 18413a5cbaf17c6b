"""Go over to the features that the site would train on today."""

from argparse import ArgumentParser
from typing import Any

from detection.ground.find_region import region_named
from detection.models import Run
from detection.runs.commands import RunCommand
from labeling.training.upgrade import request_upgrade


class Command(RunCommand):
    help = "Train a region's classifier on the site's features, compare, and where they pass read the region and use them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--region", help="name of the region (needed when there are several)")
        parser.add_argument(
            "--go-on", action="store_true", help="also where the comparison speaks against the new features"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        region = region_named(options["region"])
        job = request_upgrade(region=region, acting_user=None, go_on=options["go_on"])
        told = self.finish(job)
        if told.get("run") is not None:
            told |= self.see_through(Run.objects.get(pk=told["run"]))
        region.refresh_from_db()
        return {**told, "active": region.active_classifier_id == told["classifier"]}
