"""The admin's list of releases: who published what, and publishing an older one again."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from amberapp.errors import NotThere
from amberapp.models import Role, User
from amberapp.permissions import role_required
from labeling.actions.publish import publish_again
from labeling.models import Release, ReleaseKind

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
            "again": release.kind == ReleaseKind.OWN and latest.get(release.region_id) != release.number,
        }
        for release in page
    ]
    return render(request, "manage/releases.html", {"page": page, "rows": rows})


@require_POST
@role_required(Role.ADMIN)
def release_again(request: HttpRequest, release_id: int) -> HttpResponse:
    """Roll back to this release."""
    assert isinstance(request.user, User)
    found = Release.objects.filter(pk=release_id).first() if release_id < 2**63 else None
    if found is None:
        raise NotThere(_("There is no such release."))
    release = publish_again(release=found, acting_user=request.user, note=request.POST.get("note", ""))
    messages.success(
        request,
        _("Release %(old)s of %(region)s is published again as release %(number)s.")
        % {"old": found.number, "region": release.region, "number": release.number},
    )
    return redirect("manage-releases")
