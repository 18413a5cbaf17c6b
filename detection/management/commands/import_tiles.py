"""Import a folder of images into a region."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from amberapp.errors import UserError
from detection.ground.ingest import ImportReport, import_folder
from detection.ground.regions import create_region, create_source, outline_from_tiles
from detection.models import ImagerySource, Region

DEFAULT_SOURCE = "Imported images"


class Command(BaseCommand):
    help = "Import every image under PATH as a tile of a region. Running it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder of images (or one image)")
        parser.add_argument(
            "--region", required=True, help="name of the region; made where it does not exist"
        )
        parser.add_argument(
            "--source", help="name of the imagery source; made where it does not exist; default: the region's"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["path"]
        if not path.exists():
            raise CommandError(f"There is no folder or file {path}.")
        try:
            region, source, is_new = self._ground(options["region"], options["source"])
            report = import_folder(
                region=region, folder=path, source=source, acting_user=None, progress=self._progress
            )
            if is_new:
                outline_from_tiles(region=region, acting_user=None)
        except UserError as error:
            raise CommandError(str(error.message)) from None
        self._finish_line()
        if options["json"]:
            self.stdout.write(json.dumps({"region": region.name, **report.as_dict()}, ensure_ascii=False))
        else:
            self._tell(report)

    def _ground(self, region_name: str, source_name: str | None) -> tuple[Region, ImagerySource, bool]:
        region = Region.objects.select_related("source").filter(name=region_name).first()
        if region is not None and source_name is None:
            return region, region.source, False
        name = source_name or DEFAULT_SOURCE
        source = ImagerySource.objects.filter(name=name).first()
        if source is None:
            source = create_source(
                name=name, attribution=name, licence="not stated", may_publish=False, acting_user=None
            )
            self.stderr.write(
                f"New imagery source “{name}”: may be stored and derived from, not published. "
                "Set its attribution and rights under Manage → Imagery sources."
            )
        if region is not None:
            return region, source, False
        region = create_region(name=region_name, polygon=None, source=source, acting_user=None)
        self.stderr.write(
            f"New region “{region.name}”: its outline becomes that of its tiles until one is drawn."
        )
        return region, source, True

    def _progress(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done} of {total} files", ending="")
            self.stderr.flush()
        elif done == total or done % 500 == 0:
            self.stderr.write(f"{done} of {total} files")

    def _finish_line(self) -> None:
        if sys.stderr.isatty():
            self.stderr.write("")

    def _tell(self, report: ImportReport) -> None:
        self.stdout.write(
            f"{report.imported} imported, {report.updated} placed, {report.unchanged} unchanged, "
            f"{len(report.duplicates)} duplicates, {len(report.rejected)} rejected, "
            f"{len(report.without_place)} without a place, in {report.seconds:.1f} s"
        )
        for name, same in report.duplicates:
            self.stdout.write(f"  duplicate: {name} is the same image as {same}")
        for name, reason in report.rejected:
            self.stdout.write(f"  rejected: {name}: {reason}")
        for name, reason in report.without_place:
            self.stdout.write(f"  without a place: {name}: {reason}")
        for note in report.notes:
            self.stdout.write(f"  note: {note}")
