"""Taking over a map that was published elsewhere, as an imported release that can be shown and compared.

Like every release it is never changed and never removed: whoever imports a wrong file imports the right one beside it.
"""

import datetime as dt
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db.models import Max, Min
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely.geometry import shape

from amberapp.errors import Conflict, UserError
from amberapp.models import User
from detection.models import Region
from labeling.models import Release, ReleaseKind
from labeling.releases.files.content import Content, OutlinedPlace, Source, make_place
from labeling.releases.files.historical_map import (
    SIDE_METRES,
    Area,
    MapFile,
    UnreadableMap,
    finest,
    name_of,
    read_map,
    within,
)
from labeling.releases.files.writers import Built, BuiltFile, build
from labeling.releases.publish import write_imported

# A place so many degrees outside the region is a slip of whoever wrote the file: about 330 km north to south.
MARGIN = 3.0
READABLE = (".geojson", ".json", ".csv")
TITLE_LENGTH, MOST_BYTES = 120, 200 * 1024 * 1024
MEDIA_TYPES = {".csv": "text/csv; charset=utf-8"}


@dataclass(frozen=True)
class ImportedMap:
    """The release, and the rows that lie far outside the region and were left out."""

    release: Release
    left_out: list[str]


def files_at(paths: list[Path]) -> list[Path]:
    """The readable files that the paths name; of a folder those in it. Raises UserError."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.suffix.lower() in READABLE and one.is_file())
            if not inside:
                raise UserError(_("There is no GeoJSON or CSV file in %(path)s.") % {"path": path})
            found += inside
        elif not path.is_file():
            raise UserError(_("There is no file %(path)s.") % {"path": path})
        elif path.suffix.lower() not in READABLE:
            raise UserError(_("%(name)s is neither GeoJSON nor CSV.") % {"name": path.name})
        else:
            found.append(path)
    return found


def import_historical(
    *,
    paths: list[Path],
    region: Region,
    title: str,
    day: dt.date,
    attribution: str = "",
    note: str = "",
    side: float = SIDE_METRES,
    acting_user: User | None = None,
) -> ImportedMap:
    """Publish what the files show as an imported release of the region, dated `day`.

    The finest file with areas gives the places; points become squares of `side` metres where no file has areas. The
    files themselves are kept beside. Places far outside the region are left out, and named. Raises UserError with a sentence a wrong row, Conflict when the same map has
    been imported already.
    """
    title = title.strip()
    if not title or len(title) > TITLE_LENGTH:
        raise UserError(_("Give the map a title of at most %(most)s characters.") % {"most": TITLE_LENGTH})
    if day > timezone.localdate():
        raise UserError(
            _("A map that was published before today is wanted; %(day)s is to come.") % {"day": day}
        )
    if not 1 <= side <= 100_000:
        raise UserError(_("The side of a square is 1 to 100,000 metres."))
    files, originals = _read(files_at(paths))
    _refuse_twice(region, originals)  # before the work; whoever imports it at this moment is met when writing
    areas, outside = _of_region(region, finest(files, side))
    told = _told(areas, files, len(outside))
    built = _built(region, areas, originals, title, attribution, told)
    release = write_imported(
        region=region,
        built=built,
        title=title,
        note=note.strip() or told,
        created_at=timezone.make_aware(dt.datetime.combine(day, dt.time(12))),
        acting_user=acting_user,
        refuse=partial(_refuse_twice, region, originals),
    )
    return ImportedMap(release, [area.row for area in outside])


def _read(paths: list[Path]) -> tuple[list[MapFile], list[BuiltFile]]:
    files: list[MapFile] = []
    originals: list[BuiltFile] = []
    problems: list[str] = []
    more = 0
    for path in paths:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(_("%(name)s is larger than 200 MB.") % {"name": path.name})
        data = path.read_bytes()
        try:
            files.append(read_map(path.name, data))
        except UnreadableMap as error:
            problems += error.problems
            more += error.more
            continue
        suffix = path.suffix.lower()
        name = f"original-{len(originals) + 1}{suffix}"
        originals.append(BuiltFile(name, MEDIA_TYPES.get(suffix, "application/geo+json"), data))
    if problems:
        told = "\n".join(problems) + (f"\n… {more}" if more else "")
        raise UserError(told, fields={"rows": problems})
    return files, originals


def _built(
    region: Region,
    areas: list[Area],
    originals: list[BuiltFile],
    title: str,
    attribution: str,
    told: str,
) -> Built:
    source = Source(name=title, attribution=attribution, licence="", may_publish=False, synthetic=False)
    places: dict[str, OutlinedPlace] = {}
    for area in areas:
        name = name_of(area)
        try:
            places[name] = make_place(
                place=name,
                outline=area.outline.__geo_interface__,
                bounds=area.outline.bounds,
                score=None,
                capture_date=area.day,
                superpixels=[],
                source=source,
                reviewed=None,
            )
        except ValueError as error:
            raise UserError(_("A place cannot be taken over: %(reason)s.") % {"reason": error}) from error
    content = Content(
        region={"name": region.name, "slug": region.slug, "mineral": region.mineral},
        method=None,
        places=list(places.values()),
        searched=[],
        sources=[source],
        hectares_known=False,
        publisher=settings.AMBER["AMBER_PUBLISHER"],
        site=settings.AMBER["AMBER_SITE_URL"],
        about=[
            f"{title}: a map that was published elsewhere and imported here.",
            told,
            "Its squares lie around what was found; it does not give the mined area in them.",
        ],
    )
    return build(content, beside=originals)


def _told(areas: list[Area], files: list[MapFile], left_out: int) -> str:
    """English, for the README and as the note of a release that was given none."""
    finds = sum(area.count for area in areas)
    squares = f"{len(areas)} square{'' if len(areas) == 1 else 's'}"
    told = f"{squares} with {finds} find{'' if finds == 1 else 's'}, imported from {', '.join(file.name for file in files)}."
    return f"{told} {left_out} far outside the region left out." if left_out else told


def _of_region(region: Region, areas: list[Area]) -> tuple[list[Area], list[Area]]:
    """Those in or near the region and those far outside.

    Raises UserError when none is near, and where nothing is known of where the region lies: a slip of whoever wrote the
    file would stay on the map for ever.
    """
    bounds = shape(region.polygon).bounds if region.polygon else _tiles_bounds(region)
    if bounds is None:
        raise UserError(
            _(
                "Nobody has said yet where %(region)s lies: draw its outline first, or import tiles of it, so that what "
                "lies far outside can be told apart."
            )
            % {"region": region}
        )
    west, south, east, north = bounds
    here, outside = within(areas, (west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN))
    if not here:
        raise UserError(_("Nothing of this map lies in or near %(region)s.") % {"region": region})
    return here, outside


def _tiles_bounds(region: Region) -> tuple[float, float, float, float] | None:
    found = region.tiles.aggregate(west=Min("west"), south=Min("south"), east=Max("east"), north=Max("north"))
    if found["west"] is None:
        return None
    return found["west"], found["south"], found["east"], found["north"]


def _refuse_twice(region: Region, originals: list[BuiltFile]) -> None:
    """The same files are one map, whatever it is called."""
    wanted = {file.sha256 for file in originals}
    for release in region.releases.filter(kind=ReleaseKind.HISTORICAL).prefetch_related("files"):
        if wanted <= {file.sha256 for file in release.files.all()}:
            raise Conflict(
                _("This map has been imported already, as release %(number)s.") % {"number": release.number}
            )
