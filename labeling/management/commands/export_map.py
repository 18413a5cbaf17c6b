"""./amber export_map DIRECTORY --site https://map.example.org: the public map as plain files.

Any file server can hand them out, in any folder of it. Run it again after each publication and whenever a source's right
to be shown is taken back: pictures that may not be shown any more are deleted from the copy.
"""

from pathlib import Path
from typing import Any

from django.conf import settings

from amberapp.commands import AmberCommand
from labeling.public.static_copy import copy_site


class Command(AmberCommand):
    help = "Write the public map as plain files for any file server."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("directory", type=Path, help="a new folder, or one with an earlier copy")
        # The demo answers on this machine only, so its copy can lead nowhere else.
        known = settings.AMBER["AMBER_SITE_URL"] or ("http://127.0.0.1:8000" if settings.DEMO else "")
        parser.add_argument(
            "--site",
            default=known or None,
            required=not known,
            help="the site's own address, to which reports and accounts lead; without it AMBER_SITE_URL",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        copied = copy_site(options["directory"], site=options["site"], progress=self.show)
        return {"directory": str(options["directory"]), **copied.as_dict()}
