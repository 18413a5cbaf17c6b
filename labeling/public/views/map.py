"""The public map, its permalinks and lists. No account needed; nothing here changes anything.

For a stranger these pages read the catalogue and the files of releases, never the database: they stand while it is
stopped (docs/adr/0012).
"""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from amberapp.errors import NotThere
from labeling.models import ReportCategory
from labeling.public.map_page import map_page
from labeling.public.place_list import place_list
from labeling.public.release_list import release_row
from labeling.public.shared_pages import shared_by_strangers
from labeling.releases.catalogue import (
    PublishedRelease,
    catalogue,
    latest_published,
    published,
    published_as,
    published_numbered,
)
from labeling.releases.files.published_place import PublishedPlace
from labeling.releases.reader import place_of
from labeling.reports.mail import can_be_sent

# Each with all its files: of a large region more than a hundred.
RELEASES_PER_PAGE = 10


@gzip_page
@shared_by_strangers
@require_safe
def public_map(request: HttpRequest) -> HttpResponse:
    """The latest release of the region published last, or a word to the first visitors."""
    release = latest_published()
    if release is None:
        return _page(request, "labeling/public/empty.html", {})
    return _map(request, release)


@shared_by_strangers
@require_safe
def region_map(request: HttpRequest, slug: str) -> HttpResponse:
    """The latest release of one region, by its permalink."""
    release = latest_published(slug)
    if release is None:
        raise NotThere(_("No map of this region has been published."))
    return redirect("release-map", slug=slug, number=release.number)


@gzip_page
@shared_by_strangers
@require_safe
def release_map(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    return _map(request, published_numbered(slug, number))


@require_safe
def release_by_fingerprint(request: HttpRequest, slug: str, fingerprint: str) -> HttpResponse:
    """The release that names itself so in its own files, which cannot know its number; of several the first."""
    return redirect("release-map", slug=slug, number=published_as(slug, fingerprint)[0].number)


@gzip_page
@shared_by_strangers
@require_safe
def place(request: HttpRequest, slug: str, number: int, place_id: str) -> HttpResponse:
    release = published_numbered(slug, number)
    return _map(request, release, place_of(release, place_id))


def _map(
    request: HttpRequest, release: PublishedRelease, place: PublishedPlace | None = None
) -> HttpResponse:
    context = {
        "map": map_page(
            release,
            place,
            site=request.build_absolute_uri("/")[:-1],
            is_latest=request.resolver_match is not None and request.resolver_match.url_name == "public-map",
        ),
        "categories": ReportCategory.choices,
        "letters": can_be_sent(),
    }
    return _page(request, "labeling/public/map.html", context)


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page that says from the catalogue whether there is synthetic imagery."""
    return render(request, template, {**context, "imagery": {"synthetic": catalogue().synthetic}})


@gzip_page
@shared_by_strangers
@require_safe
def place_list_page(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """All places of a release as a table, largest first.

    ?year=2014 (or undated) &district=name &page=2, as the map's address has them.
    """
    places = place_list(
        published_numbered(slug, number),
        year=request.GET.get("year", ""),
        district=request.GET.get("district", ""),
        page=request.GET.get("page"),
    )
    return _page(
        request, "labeling/public/places.html", {"list": places, "page": places.page, "query": places.query}
    )


@gzip_page
@shared_by_strangers
@require_safe
def release_list(request: HttpRequest) -> HttpResponse:
    """Every release ever published, newest first."""
    page = Paginator(published(), RELEASES_PER_PAGE).get_page(request.GET.get("page"))
    rows = [release_row(release) for release in page]
    return _page(request, "labeling/public/releases.html", {"page": page, "rows": rows})
