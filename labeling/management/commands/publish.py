"""./amber publish --run ID [--note TEXT] [--json]: publish the approved detections of a run.

./amber publish --again ID: publish an older release again (a roll back), under the next number.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from amberapp.commands import person_called
from amberapp.errors import UserError
from amberapp.models import User
from detection.models import Run
from labeling.models import Release
from labeling.releases.publish import publish_again, publish_release


class Command(BaseCommand):
    help = "Publish the approved detections of a run as the region's next release."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--run", type=int, help="number of the run")
        what.add_argument(
            "--again",
            type=int,
            metavar="RELEASE",
            help="id of the release to publish again (its page's #release-…)",
        )
        parser.add_argument("--note", default="", help="what readers are told of this release")
        parser.add_argument("--as", dest="username", help="who publishes, for the audit (default: nobody)")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def _publish(self, options: dict[str, Any], user: User | None) -> Release:
        if options["again"] is not None:
            older = Release.objects.filter(pk=options["again"]).first()
            if older is None:
                raise CommandError(f"There is no release {options['again']}.")
            return publish_again(release=older, acting_user=user, note=options["note"])
        run = Run.objects.filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(
                f"There is no run {options['run']}: `detect` starts one and prints its number."
            )
        return publish_release(run=run, acting_user=user, note=options["note"])

    def handle(self, *args: Any, **options: Any) -> None:
        user = person_called(options["username"])
        try:
            release = self._publish(options, user)
        except UserError as error:
            raise CommandError(str(error.message)) from error
        figures = release.statistics
        if options["json"]:
            told = {
                "release": release.pk,
                "region": release.region.slug,
                "number": release.number,
                "run": release.run_id,
                "restores": release.restores.number if release.restores else None,
                "places": figures["places"],
                "hectares": figures["hectares"],
                "tiles_searched": figures["tiles_searched"],
                "not_on_the_map": figures["not_on_the_map"],
                "files": {file.name: file.sha256 for file in release.files.all()},
            }
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            self.stdout.write(
                f"{release.region} release {release.number}: places: {figures['places']}, "
                f"{figures['hectares']:.2f} ha, tiles searched: {figures['tiles_searched']}."
            )
