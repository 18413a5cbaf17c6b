"""The site's own navigation: which links a person has, and where among them the page stands."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amberapp.models import Role


@dataclass(frozen=True)
class Link:
    """`current` is what aria-current says: "page" on the page itself, "true" on those below it, "" elsewhere."""

    address: str
    label: str
    current: str


@dataclass(frozen=True)
class Entry:
    """A link by the name of its address; `below`: names of the pages to which it leads on."""

    name: str
    label: Any
    below: tuple[str, ...] = ()

    def link(self, here: str, *, inside: bool = False) -> Link:
        """here: the name of the page's address; inside: it lies below for another reason than its name."""
        current = "page" if here == self.name else "true" if inside or here in self.below else ""
        return Link(reverse(self.name), str(self.label), current)


CROWD = (
    Entry("volunteers", gettext_lazy("Volunteers"), ("volunteer",)),
    Entry("desks", gettext_lazy("Desks and rules"), ("desk-rules",)),
    Entry("known-tiles", gettext_lazy("Gold-standard tiles"), ("known-tile", "known-tile-new")),
    Entry("look-alikes", gettext_lazy("Look-alikes"), ("look-alike", "look-alike-new")),
    Entry("anchoring", gettext_lazy("Suggestion bias")),
)
CROWD_NAMES = tuple(name for entry in CROWD for name in (entry.name, *entry.below))
MANAGE = (
    Entry("manage", gettext_lazy("Overview"), ("classifier", "classifiers")),
    Entry(
        "regions",
        gettext_lazy("Regions & imagery"),
        (
            *("region-new", "region-edit", "region-tiles", "region-upload"),
            *("districts", "sources", "source-new", "source-edit"),
        ),
    ),
    Entry("runs", gettext_lazy("Runs"), ("run", "run-compare")),
    Entry("samples", gettext_lazy("Area"), ("sample",)),
    Entry("manage-releases", gettext_lazy("Releases"), ("release-again",)),
    Entry("volunteers", gettext_lazy("Crowd"), CROWD_NAMES),
    Entry("people", gettext_lazy("People")),
    Entry("audit", gettext_lazy("Audit trail")),
)


def site_links(request: HttpRequest) -> list[Link]:
    """The main menu, for the role of whoever looks at it."""
    here, path = _here(request), request.path
    # A page of an error may be shown before anybody has been looked up.
    user: Any = getattr(request, "user", AnonymousUser())
    links = [Entry("public-map", _("Map")).link(here)]
    if user.is_authenticated:
        links += [Entry("desk", _("Label")).link(here), Entry("my-labels", _("My contributions")).link(here)]
    links.append(Entry("how-to-tell", _("Identification guide")).link(here))
    if user.is_authenticated and user.has_role(Role.EXPERT):
        reports, campaigns = path.startswith("/review/reports/"), path.startswith("/review/campaigns/")
        links += [
            Entry("review", _("Review")).link(
                here, inside=path.startswith("/review/") and not reports and not campaigns
            ),
            Entry("report-list", _("Reports"), ("report-detail",)).link(here),
            Entry("campaigns", _("Campaigns")).link(here, inside=campaigns),
        ]
    if user.is_authenticated and user.has_role(Role.ADMIN):
        links.append(Entry("manage", _("Manage")).link(here, inside=path.startswith("/manage/")))
    if not user.is_authenticated:
        links.append(Entry("release-list", _("Releases")).link(here))
    return links


def manage_links(request: HttpRequest) -> list[Link]:
    """The tabs of the management pages."""
    here = _here(request)
    return [entry.link(here) for entry in MANAGE]


def crowd_links(request: HttpRequest) -> list[Link]:
    """The second row of the pages about volunteers; nothing on others."""
    here = _here(request)
    return [entry.link(here) for entry in CROWD] if here in CROWD_NAMES else []


def _here(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.url_name or "") if match is not None else ""
