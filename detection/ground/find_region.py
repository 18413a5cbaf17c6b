"""Finding the region that a command or a form means."""

from django.utils.translation import gettext as _

from amberapp.errors import NotThere, UserError
from amberapp.web.parameters import row_number
from detection.ground.regions import create_region, create_source
from detection.models import ImagerySource, Region

DEFAULT_SOURCE = "Imported images"


def region_named(name: str | None) -> Region:
    """The region of that name; without a name the only one there is.

    Raises NotThere or UserError with the names that exist.
    """
    regions = list(Region.objects.select_related("active_classifier", "source")[:20])
    names = ", ".join(f"“{region.name}”" for region in regions) or "none yet"
    if name is None:
        if len(regions) == 1:
            return regions[0]
        raise UserError(f"Say which region with --region NAME. Regions: {names}.")
    region = Region.objects.select_related("active_classifier", "source").filter(name=name).first()
    if region is None:
        raise NotThere(f"There is no region “{name}”. Regions: {names}.")
    return region


def region_numbered(number: str) -> Region:
    """The region whose number a form holds. Raises NotThere, also for what is no number."""
    region = Region.objects.filter(pk=row_number(number) or 0).first()
    if region is None:
        raise NotThere(_("There is no such region."))
    return region


def region_at(slug: str) -> Region:
    """The region whose short name an address holds. Raises NotThere."""
    region = Region.objects.filter(slug=slug).first() if "\0" not in slug else None
    if region is None:
        raise NotThere(_("There is no region “%(slug)s”.") % {"slug": slug[:60]})
    return region


def region_for_import(name: str) -> Region:
    """The region of that name; made, with a source that may not be published, where it does not exist."""
    region = Region.objects.select_related("source").filter(name=name).first()
    if region is not None:
        return region
    source = ImagerySource.objects.filter(name=DEFAULT_SOURCE).first() or create_source(
        name=DEFAULT_SOURCE, attribution=DEFAULT_SOURCE, licence="not stated", acting_user=None
    )
    return create_region(name=name, polygon=None, source=source, acting_user=None)
