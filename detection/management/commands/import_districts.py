"""Take districts and place names of a region from a GeoJSON file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from amberapp.commands import AmberCommand
from amberapp.errors import UserError
from detection.ground.districts import import_named_ground
from detection.ground.find_region import region_named
from detection.ground.named_areas import MAX_BYTES


class Command(AmberCommand):
    help = (
        "Take districts (polygons) and place names (points) of a region from a GeoJSON file in degrees, WGS 84. "
        "A district of a known name gets the new outline. The next release counts hectares by them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the GeoJSON file")
        parser.add_argument("--region", help="name of the region; not needed when there is only one")
        parser.add_argument(
            "--replace", action="store_true", help="remove what the region had of the same kind before"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def work(self, **options: Any) -> dict[str, Any]:
        path: Path = options["path"]
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}.") from None
        region = region_named(options["region"])
        report = import_named_ground(
            region=region, data=data, file_name=path.name, replace=options["replace"], acting_user=None
        )
        return {"region": region.name, **report.as_dict()}

    def describe(self, result: dict[str, Any]) -> str:
        lines = [
            f"{result['region']}: {result['districts']} districts and {result['place_names']} place names taken, "
            f"{result['replaced_districts']} districts and {result['replaced_place_names']} place names replaced, "
            f"{result['outside']} features outside the region left out, {result['refused_count']} refused"
        ]
        lines += [f"  refused: {sentence}" for sentence in result["refused"]]
        lines += [f"  note: {sentence}" for sentence in result["remarks"]]
        return "\n".join(lines)
