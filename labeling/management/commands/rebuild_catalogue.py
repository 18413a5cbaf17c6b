"""./amber rebuild_catalogue: write the public map's catalogue anew from the database.

Needed after a restore of the storage or of the database; everything else mends itself.
"""

from typing import Any

from amberapp.commands import AmberCommand
from labeling.releases.catalogue import KEY, write_catalogue


class Command(AmberCommand):
    help = "Write the public map's catalogue anew from the database."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        return {"releases": write_catalogue(fresh=True), "key": KEY}
