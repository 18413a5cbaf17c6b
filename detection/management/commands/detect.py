"""Run a classifier over all tiles of a region."""

from argparse import ArgumentParser
from typing import Any

from amberapp.errors import NotThere
from detection.ground.find_region import region_named
from detection.models import Classifier
from detection.runs.commands import RunCommand
from detection.runs.runs import start_run


class Command(RunCommand):
    help = "Apply a classifier to a region, in shards, through the workers (or here when none is up)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--region", required=True, metavar="NAME")
        parser.add_argument("--classifier", type=int, metavar="ID", help="default: the active one")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        region = region_named(options["region"])
        classifier = None
        if options["classifier"] is not None:
            classifier = Classifier.objects.filter(pk=options["classifier"]).first()
            if classifier is None:
                raise NotThere(f"There is no classifier {options['classifier']}.")
        return self.see_through(start_run(region=region, classifier=classifier, acting_user=None))
