"""Retrain a region's classifier on what people say now."""

from argparse import ArgumentParser
from typing import Any

from amberapp.commands import AmberCommand
from detection.features import EXTRACTOR_NAMES
from detection.ground.find_region import region_named
from detection.models import Classifier
from detection.models.classifier import Algorithm
from detection.training.train import activate
from labeling.training.retrain import request_retrain


class Command(AmberCommand):
    help = "Freeze the labels of a region, train a classifier on them and evaluate it on held-out places."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--region", help="name of the region (needed when there are several)")
        parser.add_argument("--classifier", choices=Algorithm.values, default=Algorithm.SVM)
        parser.add_argument("--extractor", choices=EXTRACTOR_NAMES)
        parser.add_argument("--activate", action="store_true", help="use it for the region's next runs")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        region = region_named(options["region"])
        job = request_retrain(
            region=region,
            algorithm=options["classifier"],
            extractor=options["extractor"],
            acting_user=None,
        )
        classifier = Classifier.objects.select_related("region", "dataset").get(
            pk=self.finish(job)["classifier"]
        )
        if options["activate"]:
            activate(classifier=classifier, acting_user=None)
            classifier.region.refresh_from_db()
        return {
            "classifier": classifier.pk,
            "algorithm": classifier.algorithm,
            "extractor": classifier.extractor,
            "active": classifier.is_active,
            "dataset": classifier.dataset.content_hash,
            "threshold": classifier.threshold,
            "precision_target": classifier.precision_target,
            "seconds": classifier.seconds,
            **classifier.metrics,
        }

    def describe(self, result: dict[str, Any]) -> str:
        lines = [super().describe(result)]
        for name in ("by_tile", "by_block", "by_date"):
            if outcome := result[name]:
                figures = ", ".join(
                    f"{key} {outcome[key]:.3f}" for key in ("precision", "recall", "f1", "average_precision")
                )
                lines.append(f"{name}: {figures} (n = {outcome['n']})")
        return "\n".join(lines)
