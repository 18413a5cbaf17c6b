"""Every release ever published, as its list shows it: figures, what is offered for download, files with checksums."""

from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import floatformat
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from labeling.models import ReleaseKind
from labeling.public import words
from labeling.public.addresses import folder_of
from labeling.public.map_page import comparable_today
from labeling.releases.catalogue import PublishedFile, PublishedRelease
from labeling.releases.files.changes import CHANGES
from labeling.releases.files.writers import DOWNLOADS


@dataclass(frozen=True)
class Comparable:
    """A comparison to which the release's row leads."""

    address: str
    label: str


@dataclass(frozen=True)
class ReleaseRow:
    """`hectares` and `method` are empty where they are not known; `tells_changes`: whether it has a file of them."""

    release: PublishedRelease
    title: str
    imported: bool
    summary: str
    hectares: str
    estimate: dict[str, Any] | None
    folder: str
    downloads: list[PublishedFile]
    tells_changes: bool
    comparable: Comparable | None
    method: str


def release_row(release: PublishedRelease) -> ReleaseRow:
    figures = release.statistics
    return ReleaseRow(
        release=release,
        title=_title(release),
        imported=release.kind == ReleaseKind.HISTORICAL,
        summary=_summary(release, figures),
        hectares="" if figures["hectares"] is None else str(floatformat(figures["hectares"], "1g")),
        estimate=figures.get("estimate"),
        folder=folder_of(release),
        downloads=sorted(
            (file for file in release.files if file.name in DOWNLOADS),
            key=lambda file: DOWNLOADS.index(file.name),
        ),
        tells_changes=release.file(CHANGES) is not None,
        comparable=_comparable(release),
        method=_method(figures["method"]),
    )


def _title(release: PublishedRelease) -> str:
    if release.kind == ReleaseKind.HISTORICAL:
        return f"{release.region}, {release.title}"
    return _("%(region)s, release %(number)s") % {"region": release.region, "number": release.number}


def _summary(release: PublishedRelease, figures: dict[str, Any]) -> str:
    """The day and how much there is; what an imported map has looked at is not known."""
    parts = [
        date_format(timezone.localtime(release.created_at), "DATE_FORMAT"),
        words.places_counted(figures["places"]),
    ]
    if release.kind != ReleaseKind.HISTORICAL:
        parts.append(words.images_searched(figures["tiles_searched"]))
    return " · ".join(parts)


def _comparable(release: PublishedRelease) -> Comparable | None:
    """An imported map with the map of today, another release with the one before it."""
    slug, today, previous = release.region.slug, comparable_today(release), release.previous
    if today:
        address = reverse("release-compare", args=[slug, release.number, today])
        return Comparable(address, _("Compare with the map of today"))
    if previous:
        address = reverse("release-compare", args=[slug, previous, release.number])
        return Comparable(address, _("What changed since release %(number)s") % {"number": previous})
    return None


def _method(method: dict[str, Any] | None) -> str:
    if method is None:
        return ""
    classifier = method["classifier"]
    return _("run %(run)s, %(algorithm)s on %(extractor)s") % {
        "run": method["run"],
        "algorithm": classifier["algorithm"],
        "extractor": classifier["extractor"],
    }
