"""./amber import_historical PATH… --region SLUG --title TEXT --date 2018-03-26: take over a published map."""

import datetime as dt
import json
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from amberapp.commands import person_called
from amberapp.errors import UserError
from detection.models import Region
from labeling.releases.files.historical_map import SIDE_METRES
from labeling.releases.historical import import_historical


class Command(BaseCommand):
    help = (
        "Publish a map that was made elsewhere (GeoJSON of areas or points, CSV of coordinates) as a release."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "paths", nargs="+", type=Path, help="files, or a folder with the files of one map"
        )
        parser.add_argument("--region", required=True, help="the region's short name or its name")
        parser.add_argument("--title", required=True, help="what readers see instead of a number")
        parser.add_argument("--date", required=True, type=_day, help="when it was published: 2018-03-26")
        parser.add_argument("--attribution", default="", help="who made it")
        parser.add_argument("--note", default="", help="what readers are told of it")
        parser.add_argument(
            "--side", type=float, default=SIDE_METRES, help="metres: side of the square around a point"
        )
        parser.add_argument("--as", dest="username", help="who imports, for the audit (default: nobody)")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        region = Region.objects.filter(Q(slug=options["region"]) | Q(name=options["region"])).first()
        if region is None:
            known = ", ".join(Region.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no region “{options['region']}”. There are: {known}.")
        user = person_called(options["username"])
        try:
            imported = import_historical(
                paths=options["paths"],
                region=region,
                title=options["title"],
                day=options["date"],
                attribution=options["attribution"],
                note=options["note"],
                side=options["side"],
                acting_user=user,
            )
        except UserError as error:
            raise CommandError(str(error.message)) from error
        release = imported.release
        for row in imported.left_out:
            self.stderr.write(f"Left out, for it lies far outside {region}: {row}")
        if options["json"]:
            told = {
                "release": release.pk,
                "region": region.slug,
                "number": release.number,
                "places": release.statistics["places"],
                "left_out": imported.left_out,
                "files": {file.name: file.sha256 for file in release.files.all()},
            }
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            self.stdout.write(
                f"{release.title}: release {release.number} of {region}, {release.statistics['places']} places. "
                "Like every release it stays for ever."
            )


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a day written as 2018-03-26") from None
