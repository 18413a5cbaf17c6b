"""Score a folder of labelled crops that a classifier has never seen."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from amberapp.commands import AmberCommand
from amberapp.errors import NotThere, UserError
from detection.models import Classifier
from detection.training.evaluate import evaluate_crops


class Command(AmberCommand):
    help = "Precision, recall, F1 and average precision of a classifier on positive/ and negative/ crops."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--classifier", type=int, metavar="ID", help="default: the active one")
        parser.add_argument("--crops", type=Path, required=True, metavar="DIR")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        return evaluate_crops(classifier=_classifier(options["classifier"]), folder=options["crops"])


def _classifier(number: int | None) -> Classifier:
    if number is not None:
        classifier = Classifier.objects.filter(pk=number).first()
        if classifier is None:
            raise NotThere(f"There is no classifier {number}.")
        return classifier
    active = list(Classifier.objects.filter(active_in__isnull=False)[:2])
    if len(active) != 1:
        raise UserError("Say which classifier with --classifier ID: there is not exactly one active.")
    return active[0]
