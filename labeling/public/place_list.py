"""The list of a release's places, as a table: the map for screen readers and for paper. What its page shows, decided."""

import re
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from labeling.public import words
from labeling.public.districts import UNDATED, DistrictRow, by_district, in_language, years_as_data
from labeling.public.nearby_names import NearestName, nearest_names
from labeling.releases.catalogue import PublishedRelease
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.reader import places_of

PER_PAGE = 100


@dataclass(frozen=True)
class PlaceRow:
    """`near` and `reviewed` are empty where nothing is known."""

    id: str
    position: str
    near: str
    district: str
    hectares: str
    image_of: str
    source: str
    reviewed: str
    report_address: str


@dataclass(frozen=True)
class YearLink:
    label: str
    query: str
    chosen: bool


@dataclass(frozen=True)
class PlaceList:
    """`query` keeps what is chosen while pages are turned, `hectares` are those of what is listed; empty where an
    imported map knows none. `years` is empty where there is nothing to choose."""

    release: PublishedRelease
    name: str
    page: Page[PublishedPlace]
    rows: list[PlaceRow]
    hectares: str
    years: list[YearLink]
    year: str
    districts: list[DistrictRow]
    district: DistrictRow | None
    query: str


def place_list(release: PublishedRelease, *, year: str, district: str, page: str | None) -> PlaceList:
    """year: four digits, "undated", or anything else for all; district: its name, or anything else for all."""
    year = year if year == UNDATED or re.fullmatch(r"[0-9]{4}", year) else ""
    districts = by_district(release.statistics).rows
    chosen = next((row for row in districts if row.name == district), None)
    places = places_of(release)
    listed = Paginator(_narrowed(places, year, chosen), PER_PAGE).get_page(page)
    near, labels = nearest_names(release, listed.object_list), {row.name: row.label for row in districts}
    district_query = chosen.name if chosen else ""
    links = [
        YearLink(_year_label(one), _query(one, district_query), one == year)
        for one in ["", *_years_of(places)]
    ]
    return PlaceList(
        release=release,
        name=words.release_name(release),
        page=listed,
        rows=[
            _row(release, place, near.get(place.place), labels.get(place.district, "")) for place in listed
        ],
        hectares=_hectares(release, year, chosen),
        years=links if len(links) > 2 else [],
        year=year,
        districts=districts,
        district=chosen,
        query=_query(year, district_query),
    )


def _narrowed(
    places: tuple[PublishedPlace, ...], year: str, district: DistrictRow | None
) -> list[PublishedPlace]:
    wanted = None if year == UNDATED else int(year or 0)
    return [
        place
        for place in places
        if (not year or place.year == wanted) and (district is None or place.district == district.name)
    ]


def _years_of(places: tuple[PublishedPlace, ...]) -> list[str]:
    years = {place.year for place in places}
    return [str(year) for year in sorted(year for year in years if year is not None)] + (
        [UNDATED] if None in years else []
    )


def _year_label(year: str) -> str:
    return {"": _("All years"), UNDATED: _("no date")}.get(year, year)


def _query(year: str, district: str) -> str:
    chosen = {"year": year, "district": district}
    return "".join(f"{urlencode({name: value})}&" for name, value in chosen.items() if value)


def _hectares(release: PublishedRelease, year: str, district: DistrictRow | None) -> str:
    """Of what is listed, as the map tells it."""
    figures = release.statistics
    if figures["hectares"] is None:
        return ""
    if not year:
        return str(floatformat(figures["hectares"] if district is None else district.hectares, "1g"))
    years = years_as_data(figures["by_year"]) if district is None else district.years
    return str(floatformat(years.get(year, {"hectares": 0})["hectares"], "1g"))


def _row(
    release: PublishedRelease, place: PublishedPlace, near: NearestName | None, district: str
) -> PlaceRow:
    query = urlencode([("region", release.region.slug), ("number", release.number), ("place", place.place)])
    return PlaceRow(
        id=place.place,
        position=words.position(place, 4),
        near=_near(near),
        district=district or "–",
        hectares=str(floatformat(place.hectares, "2g")),
        image_of=words.day_of(place.day),
        source=place.source,
        reviewed=words.reviewed_on(place),
        report_address=f"{reverse('report')}?{query}",
    )


def _near(near: NearestName | None) -> str:
    """As readers say where a place is."""
    if near is None:
        return ""
    km = number_format(near.km, 0 if near.km >= 10 else 1)
    return _("%(km)s km from %(name)s") % {"km": km, "name": in_language(near.name, near.names)}
