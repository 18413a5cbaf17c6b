"""Districts and place names of a region: taken from a file, removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max, Min
from django.utils.translation import gettext as _
from shapely.geometry import shape

from amberapp.audit import record
from amberapp.errors import NotThere, UserError
from amberapp.models import User
from detection.ground.ingest import in_words
from detection.ground.named_areas import (
    MAX_FEATURES,
    Bounds,
    NamedArea,
    NamedGround,
    NamedPoint,
    UnreadableFile,
    read_named_ground,
)
from detection.models import District, PlaceName, Region

MOST_TOLD = 100  # refusals told one by one; the rest are counted


@dataclass(frozen=True)
class ImportedNames:
    """What became of a file. `refused` holds a sentence a feature, at most MOST_TOLD of `refused_count`;
    `remarks` says what was changed on the way."""

    districts: int
    place_names: int
    replaced_districts: int
    replaced_place_names: int
    outside: int
    refused_count: int
    refused: list[str]
    remarks: list[str]

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def import_named_ground(
    *, region: Region, data: bytes, file_name: str, replace: bool, acting_user: User | None
) -> ImportedNames:
    """Take districts and place names from a GeoJSON file.

    With `replace` the region's districts go when the file has districts, its place names when it has place names;
    otherwise a district of a known name gets the file's outline and everything else is added. All or nothing.
    Raises UserError when nothing of the file can be used.
    """
    try:
        ground = read_named_ground(data, _bounds_of(region))
    except UnreadableFile as error:
        raise _refusal(in_words(error.sentence)) from None
    if not ground.areas and not ground.points:
        raise _refusal(_nothing(ground))
    areas = {area.name: area for area in ground.areas}
    with transaction.atomic():
        Region.objects.select_for_update().get(pk=region.pk)
        districts, names = region.districts.all(), region.place_names.all()
        gone_districts = gone_names = 0
        if replace:
            gone_districts = districts.delete()[0] if areas else 0
            gone_names = names.delete()[0] if ground.points else 0
        elif areas:
            numbers = {district.name: district.pk for district in districts.only("pk", "name")}
            same = [pk for name, pk in numbers.items() if name in areas]
            gone_districts = districts.filter(pk__in=same).delete()[0]
        points = ground.points
        if not replace and points:
            there = set(names.values_list("name", "latitude", "longitude"))
            points = [point for point in points if (point.name, point.latitude, point.longitude) not in there]
        _check_room(districts.count() + len(areas), names.count() + len(points))
        _write(region, list(areas.values()), points)
        report = ImportedNames(
            districts=len(areas),
            place_names=len(points),
            replaced_districts=gone_districts,
            replaced_place_names=gone_names,
            outside=ground.outside,
            refused_count=len(ground.refused),
            refused=_refused(ground),
            remarks=_remarks(ground),
        )
        record(
            acting_user,
            "districts.imported",
            region,
            file=file_name[:200],
            replace=replace,
            districts=report.districts,
            place_names=report.place_names,
            replaced_districts=gone_districts,
            replaced_place_names=gone_names,
            refused=report.refused_count,
        )
    return report


def _write(region: Region, areas: Sequence[NamedArea], points: Sequence[NamedPoint]) -> None:
    District.objects.bulk_create(
        [
            District(
                region=region,
                name=area.name,
                names=area.names,
                polygon=area.polygon,
                west=area.bounds[0],
                south=area.bounds[1],
                east=area.bounds[2],
                north=area.bounds[3],
            )
            for area in areas
        ],
        batch_size=100,
    )
    PlaceName.objects.bulk_create(
        [
            PlaceName(
                region=region,
                name=point.name,
                names=point.names,
                latitude=point.latitude,
                longitude=point.longitude,
            )
            for point in points
        ],
        batch_size=500,
    )


def remove_district(*, region: Region, district_id: int, acting_user: User | None) -> str:
    """Remove one district; returns its name. Releases that were published keep it. Raises NotThere."""
    with transaction.atomic():
        district = region.districts.filter(pk=district_id).first() if district_id < 2**63 else None
        if district is None:
            raise NotThere(_("There is no such district: somebody has removed it already."))
        record(acting_user, "district.removed", region, district=district.name)
        district.delete()
    return district.name


def remove_place_names(*, region: Region, acting_user: User | None) -> int:
    """Remove every place name of the region; returns how many. Raises NotThere when there was none."""
    with transaction.atomic():
        count = region.place_names.all().delete()[0]
        if not count:
            raise NotThere(_("There are no place names: somebody has removed them already."))
        record(acting_user, "place_names.removed", region, count=count)
    return count


def _refusal(sentence: str) -> UserError:
    return UserError(sentence, code="invalid_districts", fields={"file": [sentence]})


def _check_room(districts: int, names: int) -> None:
    if max(districts, names) > MAX_FEATURES:
        raise _refusal(
            _("A region holds at most %(limit)s districts and %(limit)s place names.")
            % {"limit": MAX_FEATURES}
        )


def _bounds_of(region: Region) -> Bounds | None:
    """The bounds of the region's outline, of its tiles where it has none, None where nothing is known."""
    if region.polygon:
        west, south, east, north = shape(region.polygon).bounds
        return west, south, east, north
    sides = region.tiles.on_the_map().aggregate(
        west=Min("west"), south=Min("south"), east=Max("east"), north=Max("north")
    )
    if None in sides.values():
        return None
    return sides["west"], sides["south"], sides["east"], sides["north"]


def _nothing(ground: NamedGround) -> str:
    if ground.outside and not ground.refused:
        return _(
            "Everything in the file lies outside the region. Perhaps it belongs to another one, or its latitudes "
            "and longitudes are swapped: GeoJSON has the longitude first."
        )
    first = ground.refused[0]
    return _("Nothing in the file can be used. Feature %(number)s: %(reason)s") % {
        "number": first.number,
        "reason": in_words(first.reason),
    }


def _refused(ground: NamedGround) -> list[str]:
    return [
        _("%(name)s (feature %(number)s): %(reason)s")
        % {
            "name": refusal.name or _("Without a name"),
            "number": refusal.number,
            "reason": in_words(refusal.reason),
        }
        for refusal in ground.refused[:MOST_TOLD]
    ]


def _remarks(ground: NamedGround) -> list[str]:
    remarks = [
        _("%(name)s: its outline crossed itself and was mended.") % {"name": name}
        for name in ground.mended[:MOST_TOLD]
    ]
    remarks += [
        _("%(name)s: several polygons of this name were joined.") % {"name": name}
        for name in ground.joined[:MOST_TOLD]
    ]
    if ground.repeated:
        remarks.append(_("Place names given twice and taken once: %(count)s.") % {"count": ground.repeated})
    return remarks
