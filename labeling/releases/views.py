"""The admin's list of releases: who published what, and publishing an older one again."""

from collections import Counter

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from amberapp.errors import NotThere
from amberapp.models import Role, User
from amberapp.web.permissions import role_required
from labeling.models import Release, ReleaseKind
from labeling.releases.comparison import compare_releases
from labeling.releases.publish import publish_again

PER_PAGE = 30


@never_cache
@require_safe
@role_required(Role.ADMIN)
def releases(request: HttpRequest) -> HttpResponse:
    found = Release.objects.select_related("region", "created_by", "restores").order_by("-created_at", "-id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    own = Release.objects.filter(kind=ReleaseKind.OWN).order_by("region_id", "number")
    latest: dict[int, int] = dict(own.values_list("region_id", "number"))
    rows = [
        {
            "release": release,
            "latest": latest.get(release.region_id) == release.number,
            # Numbers of a region follow one another without a gap: no release is ever taken away.
            "before": release.number - 1,
            "again": release.kind == ReleaseKind.OWN and latest.get(release.region_id) != release.number,
        }
        for release in page
    ]
    return render(request, "labeling/releases/manage.html", {"page": page, "rows": rows})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def release_again(request: HttpRequest, release_id: int) -> HttpResponse:
    """Roll back to this release: first what that would do to the map, then the press."""
    assert isinstance(request.user, User)
    found = (
        Release.objects.select_related("region").filter(pk=release_id).first() if release_id < 2**63 else None
    )
    if found is None:
        raise NotThere(_("There is no such release."))
    if request.method != "POST":
        return _asked(request, found)
    release = publish_again(release=found, acting_user=request.user, note=request.POST.get("note", ""))
    messages.success(
        request,
        _("Release %(old)s of %(region)s is published again as release %(number)s.")
        % {"old": found.number, "region": release.region, "number": release.number},
    )
    return redirect("manage-releases")


def _asked(request: HttpRequest, release: Release) -> HttpResponse:
    latest = (
        Release.objects.filter(region=release.region_id, kind=ReleaseKind.OWN).order_by("-number").first()
    )
    if release.kind != ReleaseKind.OWN or latest is None or latest.pk == release.pk:
        return redirect("manage-releases")
    comparison = compare_releases(release, latest)
    causes = Counter(change.cause for change in comparison.vanished)
    context = {
        "release": release,
        "latest": latest,
        "back": len(comparison.vanished),
        "go": len(comparison.appeared),
        "changed": len(comparison.changed),
        "reported": causes["report"],
        "rejected": causes["review"] + causes["campaign"],
    }
    return render(request, "labeling/releases/again.html", context)
