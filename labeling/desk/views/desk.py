"""The labelling desk."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from amberapp.models import Role
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from labeling.desk.pages import desk_page


@role_required(Role.VOLUNTEER)
def desk(request: HttpRequest) -> HttpResponse:
    """The page that labels are made on; the script fetches tiles through the API."""
    page = desk_page(
        signed_in(request),
        region=request.GET.get("region", ""),
        tile=request.GET.get("tile", ""),
        escalated=request.GET.get("escalated") == "1",
    )
    return render(request, "labeling/desk/desk.html", {"page": page})
