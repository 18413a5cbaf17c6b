"""What the public map's page shows, decided: its figures, bars and lists, the place it is opened at, data for scripts."""

from dataclasses import dataclass
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from labeling.models import ReleaseKind
from labeling.public import words
from labeling.public.addresses import ANY_PLACE, folder_of
from labeling.public.districts import UNDATED, ByDistrict, by_district, years_as_data
from labeling.releases.catalogue import PublishedRelease, latest_published, may_show, published
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.files.writers import PREVIEWS
from labeling.releases.reader import places_of

# Releases made before there was one a language have this one.
DEFAULT_PREVIEW = "en"


@dataclass(frozen=True)
class Bar:
    """One year of the chart: `height` in percent of the highest."""

    year: str
    label: str
    height: float
    hectares: str


@dataclass(frozen=True)
class OtherRegion:
    """`hectares`: empty where its map does not tell them."""

    slug: str
    name: str
    hectares: str


@dataclass(frozen=True)
class PlaceFacts:
    """The place at which the map is opened.

    `picture` is its address, empty where none may be shown; `withheld` then says why. `gone_in`: the number of the map
    of today where that does not show the place. `reviewed`: empty where no expert has.
    """

    id: str
    title: str
    address: str
    picture: str
    withheld: str
    may_compare_dates: bool
    gone_in: int | None
    image_of: str
    position: str
    source: str
    reviewed: str
    corrected: bool


@dataclass(frozen=True)
class MapPage:
    """`permalink` is the release's own address, `address` that of what is shown; `preview`: the picture for links, empty
    where there is none; `today`: of an imported map the release it can be compared with."""

    release: PublishedRelease
    imported: bool
    is_latest: bool
    title: str
    heading: str
    permalink: str
    address: str
    preview: str
    figure: str
    unit: str
    counts: str
    nothing_found: bool
    estimate: dict[str, Any] | None
    bars: list[Bar]
    districts: ByDistrict
    regions: list[OtherRegion]
    place: PlaceFacts | None
    previous: int | None
    today: int | None
    list_address: str
    report_address: str
    published_as: str
    credit: str
    data: dict[str, Any]


def map_page(
    release: PublishedRelease, place: PublishedPlace | None, *, site: str, is_latest: bool
) -> MapPage:
    """site: the address that the reader uses, without a slash at its end."""
    figures = release.statistics
    slug, number = release.region.slug, release.number
    imported = release.kind == ReleaseKind.HISTORICAL
    years = [year for year in figures["by_year"] if year["places"] or year["year"] is not None]
    districts = by_district(figures)
    permalink = site + reverse("release-map", args=[slug, number])
    facts = _facts(release, place, permalink) if place is not None else None
    today = comparable_today(release)
    heading = words.map_title(release)
    return MapPage(
        release=release,
        imported=imported,
        is_latest=is_latest,
        title=_title(release, place),
        heading=heading,
        permalink=permalink,
        address=facts.address if facts else permalink,
        preview=_preview(release, site),
        figure=_figure(figures),
        unit=_("squares") if figures["hectares"] is None else _("ha of mined area"),
        counts=release.note if imported else _counts(figures),
        nothing_found=not figures["places"],
        estimate=figures.get("estimate") if place is None else None,
        bars=_bars(years) if figures["hectares"] is not None else [],
        districts=districts,
        regions=_other_regions(release) if place is None else [],
        place=facts,
        previous=None if today else release.previous,
        today=today,
        list_address=reverse("place-list", args=[slug, number]),
        report_address=_report_address(release, place),
        published_as=_published_as(release),
        credit="; ".join(source["attribution"] for source in figures["sources"] if source["attribution"]),
        data={
            "files": folder_of(release),
            "slug": slug,
            "number": number,
            "release": release.pk,
            "bounds": figures["bounds"] or figures["searched_bounds"],
            "years": years_as_data(years),
            "districts": [row.as_data() for row in districts.rows],
            "hectares": figures["hectares"],
            "anyPlace": ANY_PLACE,
            "placePage": reverse("place", args=[slug, number, ANY_PLACE]),
            "picture": reverse("place-picture", args=[slug, number, ANY_PLACE]),
            "reports": reverse("api-reports"),
            "place": _as_data(place) if place else None,
        },
    )


def comparable_today(release: PublishedRelease) -> int | None:
    """Of an imported map the release made here that it can be compared with; None of all others."""
    if release.kind != ReleaseKind.HISTORICAL:
        return None
    latest = latest_published(release.region.slug)
    return latest.number if latest is not None and latest.kind == ReleaseKind.OWN else None


def _title(release: PublishedRelease, place: PublishedPlace | None) -> str:
    if place is None or place.hectares is None:
        return f"{words.map_title(release)}, {release.region}"
    return _("%(hectares)s ha, %(region)s") % {
        "hectares": floatformat(place.hectares, "1g"),
        "region": release.region,
    }


def _figure(figures: dict[str, Any]) -> str:
    """Hectares, to a tenth where they are few; squares of a map that does not know them."""
    value = figures["hectares"]
    if value is None:
        return str(intcomma(figures["places"]))
    return str(floatformat(value, "0g" if value >= 1000 else "1g"))


def _counts(figures: dict[str, Any]) -> str:
    return f"{words.places_counted(figures['places'])} · {words.images_searched(figures['tiles_searched'])}"


def _bars(years: list[dict[str, Any]]) -> list[Bar]:
    highest = max((year["hectares"] or 0 for year in years), default=0) or 1
    return [
        Bar(
            year=UNDATED if year["year"] is None else str(year["year"]),
            label=_("no date") if year["year"] is None else str(year["year"]),
            height=round(100 * (year["hectares"] or 0) / highest, 1),
            hectares=words.hectares(year["hectares"] or 0),
        )
        for year in years
    ]


def _other_regions(release: PublishedRelease) -> list[OtherRegion]:
    """The latest map of each other region, by name."""
    slugs = {one.region.slug for one in published()} - {release.region.slug}
    latest = [one for slug in slugs if (one := latest_published(slug)) is not None]
    return [
        OtherRegion(
            slug=one.region.slug,
            name=one.region.name,
            hectares="" if one.figures["hectares"] is None else words.hectares(one.figures["hectares"]),
        )
        for one in sorted(latest, key=lambda one: (one.region.name, one.region.slug))
    ]


def _facts(release: PublishedRelease, place: PublishedPlace, permalink: str) -> PlaceFacts:
    shown = may_show(release, place.place)
    address = reverse("place-picture", args=[release.region.slug, release.number, place.place])
    return PlaceFacts(
        id=place.place,
        title=_("A square of the imported map")
        if place.hectares is None
        else _("Mined area: %(hectares)s ha") % {"hectares": floatformat(place.hectares, "1g")},
        address=f"{permalink}place/{place.place}/",
        picture=address if shown else "",
        withheld=""
        if shown or release.kind == ReleaseKind.HISTORICAL
        else _("The terms of “%(source)s” do not allow showing its images publicly.")
        % {"source": place.source},
        may_compare_dates=bool(place.dates) and shown,
        gone_in=_gone_in(release, place),
        image_of=words.day_of(place.day),
        position=words.position(place, 5),
        source=place.source,
        reviewed=words.reviewed_on(place),
        corrected=place.corrected,
    )


def _gone_in(release: PublishedRelease, place: PublishedPlace) -> int | None:
    """The number of the map of today, where an older one shows the place and that one does not."""
    latest = latest_published(release.region.slug)
    if latest is None or latest.number <= release.number or release.kind != ReleaseKind.OWN:
        return None
    return None if any(one.place == place.place for one in places_of(latest)) else latest.number


def _preview(release: PublishedRelease, site: str) -> str:
    """In the page's language where the release has one."""
    names = (PREVIEWS.get(get_language() or ""), PREVIEWS[DEFAULT_PREVIEW])
    name = next((name for name in names if name and release.file(name) is not None), None)
    return f"{site}{folder_of(release)}{name}" if name else ""


def _report_address(release: PublishedRelease, place: PublishedPlace | None) -> str:
    query = {"region": release.region.slug, "number": str(release.number)}
    return f"{reverse('report')}?{urlencode(query | ({'place': place.place} if place else {}))}"


def _published_as(release: PublishedRelease) -> str:
    day = date_format(timezone.localtime(release.created_at), "DATE_FORMAT")
    if release.kind == ReleaseKind.HISTORICAL:
        return f"{release.title}, {day}."
    return _("Release %(number)s, %(date)s.") % {"number": release.number, "date": day}


def _as_data(place: PublishedPlace) -> dict[str, Any]:
    return {
        "place": place.place,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "tile": place.tile,
        "capture_date": place.capture_date,
        "dates": [other.to_json() for other in place.dates],
    }
