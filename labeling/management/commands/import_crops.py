"""Take labelled crops from a folder."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from amberapp.commands import AmberCommand
from detection.ground.find_region import region_for_import
from labeling.training.crops import import_crops


class Command(AmberCommand):
    help = "Take the images in DIR/positive and DIR/negative as already labelled superpixels."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--region", required=True, metavar="NAME")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        started = time.monotonic()
        report = import_crops(
            region=region_for_import(options["region"]),
            folder=options["folder"],
            acting_user=None,
            progress=self.show,
        )
        return {
            "imported": report.imported,
            "unchanged": report.unchanged,
            "rejected": [{"file": name, "reason": reason} for name, reason in report.rejected],
            "seconds": round(time.monotonic() - started, 3),
        }
