"""python manage.py publish --run ID [--json]: publish the approved detections of a run as the next release."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from amberapp.errors import UserError
from amberapp.models import User
from detection.models import Run
from labeling.actions.publish import publish_release


class Command(BaseCommand):
    help = "Publish the approved detections of a run as the region's next release."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--run", type=int, required=True, help="number of the run")
        parser.add_argument("--as", dest="username", help="who publishes, for the audit (default: nobody)")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        run = Run.objects.filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(
                f"There is no run {options['run']}: `detect` starts one and prints its number."
            )
        user = None
        if options["username"]:
            user = User.objects.filter(username=options["username"]).first()
            if user is None:
                raise CommandError(f"There is nobody called “{options['username']}” here.")
        try:
            release = publish_release(run=run, acting_user=user)
        except UserError as error:
            raise CommandError(str(error.message)) from error
        figures = release.statistics
        if options["json"]:
            told = {
                "release": release.pk,
                "region": release.region.slug,
                "number": release.number,
                "run": run.pk,
                "places": figures["places"],
                "hectares": figures["hectares"],
                "tiles_searched": figures["tiles_searched"],
                "not_on_the_map": figures["not_on_the_map"],
                "files": {file.name: file.sha256 for file in release.files.all()},
            }
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            self.stdout.write(
                f"{release.region} release {release.number}: {figures['places']} places, "
                f"{figures['hectares']:.2f} ha, {figures['tiles_searched']} tiles searched."
            )
