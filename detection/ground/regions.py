"""Making and changing imagery sources and regions."""

import re
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Min
from django.utils.text import slugify
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import UserError
from amberapp.models import User
from detection.ground.polygons import MAX_LATITUDE, validate_polygon
from detection.models import ImagerySource, Region

DEFAULT_ZOOM = 18
ZOOMS = range(10, 23)
MOST_POSITIVE_SUPERPIXELS = 1000
MARGIN = 0.005  # degrees around the tiles of a region whose outline nobody has drawn
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def create_source(
    *,
    name: str,
    attribution: str,
    licence: str = "",
    may_store: bool = True,
    may_derive: bool = True,
    may_publish: bool = False,
    synthetic: bool = False,
    acting_user: User | None,
) -> ImagerySource:
    """Note where pixels come from and what may be done with them. Raises UserError."""
    source = ImagerySource(synthetic=synthetic)
    return _save_source(
        source,
        "source.created",
        acting_user,
        name=name,
        attribution=attribution,
        licence=licence,
        may_store=may_store,
        may_derive=may_derive,
        may_publish=may_publish,
    )


def update_source(*, source: ImagerySource, acting_user: User | None, **changes: Any) -> ImagerySource:
    """Change some of name, attribution, licence, may_store, may_derive, may_publish. Raises UserError.

    What was stored, derived or published before is not taken back by a changed right.
    """
    return _save_source(source, "source.changed", acting_user, **changes)


def _save_source(source: ImagerySource, verb: str, acting_user: User | None, **values: Any) -> ImagerySource:
    if "name" in values:
        values["name"] = _name(values["name"], 120)
    if "attribution" in values:
        values["attribution"] = _line("attribution", values["attribution"], 300)
        if not values["attribution"]:
            raise _wrong(
                "attribution", _("Say whom the imagery belongs to: its attribution is shown with it.")
            )
    if "licence" in values:
        values["licence"] = _line("licence", values["licence"], 300)
    changed = _apply(source, values)
    if source.pk is not None and not changed:
        return source
    _save(source, verb, acting_user, changed, _("There is an imagery source of this name already."))
    return source


def create_region(
    *,
    name: str,
    polygon: dict[str, Any] | None,
    source: ImagerySource,
    mineral: str = "amber",
    zoom: int = DEFAULT_ZOOM,
    positive_superpixels: int = 2,
    acting_user: User | None,
) -> Region:
    """Begin to watch an area. `polygon` is GeoJSON of any wrapping, or None while it is not drawn yet.

    Raises UserError.
    """
    region = Region(created_by=acting_user)
    return _save_region(
        region,
        "region.created",
        acting_user,
        name=name,
        polygon=polygon,
        mineral=mineral,
        zoom=zoom,
        positive_superpixels=positive_superpixels,
        source=source,
    )


def update_region(*, region: Region, acting_user: User | None, **changes: Any) -> Region:
    """Change some of name, polygon, mineral, zoom, positive_superpixels, source. Raises UserError.

    Tiles that are there keep their source and their place; runs keep the rule that they were started with.
    """
    return _save_region(region, "region.changed", acting_user, **changes)


def _save_region(region: Region, verb: str, acting_user: User | None, **values: Any) -> Region:
    if "name" in values:
        values["name"] = _name(values["name"], 120)
    if "mineral" in values:
        values["mineral"] = _line("mineral", values["mineral"], 60) or "amber"
    if values.get("polygon") is not None:
        values["polygon"] = validate_polygon(values["polygon"])
    if "zoom" in values and values["zoom"] not in ZOOMS:
        raise _wrong(
            "zoom",
            _("The zoom lies between %(least)s and %(most)s.") % {"least": ZOOMS[0], "most": ZOOMS[-1]},
        )
    if (
        "positive_superpixels" in values
        and not 0 <= values["positive_superpixels"] <= MOST_POSITIVE_SUPERPIXELS
    ):
        raise _wrong("positive_superpixels", _("The number of superpixels lies between 0 and 1000."))
    changed = _apply(region, values)
    if region.pk is not None and not changed:
        return region
    if region.pk is None:
        region.slug = _free_slug(region.name)
    _save(region, verb, acting_user, changed, _("There is a region of this name already."))
    return region


def _free_slug(name: str) -> str:
    """Permanent: a region keeps its address when its name changes."""
    stem = slugify(name)[:100] or "region"
    taken = set(Region.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug, number = stem, 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug


def _apply(row: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Set what differs; returns the new values as the audit trail keeps them."""
    changed: dict[str, Any] = {}
    for field, value in values.items():
        if getattr(row, f"{field}_id", getattr(row, field, None)) == getattr(value, "pk", value):
            continue
        setattr(row, field, value)
        changed[field] = str(value) if field == "source" else value
    if changed.get("polygon"):
        changed["polygon"] = changed["polygon"]["type"]  # the outline itself would swell the trail
    return changed


def _save(row: Any, verb: str, acting_user: User | None, changed: dict[str, Any], taken: str) -> None:
    try:
        with transaction.atomic():
            row.save()
            record(acting_user, verb, row, **changed)
    except IntegrityError:
        raise _wrong("name", taken) from None


def _name(text: str, limit: int) -> str:
    name = _line("name", text, limit)
    if not name:
        raise _wrong("name", _("Give it a name."))
    return name


def _line(field: str, text: str, limit: int) -> str:
    line = text.strip()
    if _CONTROL.search(line):
        raise _wrong(field, _("This may not hold control characters or line breaks."))
    if len(line) > limit:
        raise _wrong(field, _("At most %(limit)s characters.") % {"limit": limit})
    return line


def _wrong(field: str, message: str) -> UserError:
    return UserError(message, fields={field: [message]})


def outline_from_tiles(*, region: Region, acting_user: User | None) -> Region:
    """Give a region without an outline the box around its tiles, where any has a place."""
    box = region.tiles.on_the_map().aggregate(
        west=Min("west"), south=Min("south"), east=Max("east"), north=Max("north")
    )
    if region.polygon is not None or box["west"] is None:
        return region
    west, south = max(box["west"] - MARGIN, -180.0), max(box["south"] - MARGIN, -MAX_LATITUDE)
    east, north = min(box["east"] + MARGIN, 180.0), min(box["north"] + MARGIN, MAX_LATITUDE)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return update_region(
        region=region, polygon={"type": "Polygon", "coordinates": [ring]}, acting_user=acting_user
    )
