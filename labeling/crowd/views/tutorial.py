"""The page of the tutorial; the script fetches the lessons through the API."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from amberapp.models import Role
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required


@role_required(Role.VOLUNTEER)
def tutorial(request: HttpRequest) -> HttpResponse:
    page = {
        "region": request.GET.get("region", "")[:100],
        "urls": {
            "lessons": reverse("api-tutorial"),
            "take": reverse("api-tutorial-lesson", args=[0]),
            "know": reverse("api-tutorial-know"),
            "desk": reverse("desk"),
        },
    }
    may_know = signed_in(request).has_role(Role.EXPERT)
    return render(request, "labeling/crowd/tutorial.html", {"page": page, "may_know": may_know})
