"""A volunteer's own page: what they said, how it agrees, what became of it."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from amberapp.models import Role
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from labeling.crowd.my_changes import my_changes
from labeling.crowd.my_contributions import (
    agreement_of,
    own_tiles,
    spare_tiles,
    streak_of,
    tiles_on_map,
    tutorial_progress_of,
)
from labeling.desk.queue import session_of
from labeling.models import NotCounted

TILES_PER_PAGE = 24


@never_cache
@require_safe
@role_required(Role.VOLUNTEER)
def my_labels(request: HttpRequest) -> HttpResponse:
    """What this person has labelled, how it agrees with experts and the others, and what it changed."""
    person = signed_in(request)
    tiles = Paginator(own_tiles(person), TILES_PER_PAGE).get_page(request.GET.get("page"))
    labelled = tiles.paginator.count > 0
    context = {
        "tiles": tiles,
        "session": session_of(person),
        "streak": streak_of(person) if labelled else 0,
        "agreement": agreement_of(person) if labelled else None,
        "schooling": tutorial_progress_of(person),
        "spare": _spare(spare_tiles(person)) if labelled else [],
        "releases": my_changes(person) if labelled else [],
        "page": {
            "volunteer": person.pk,
            "tiles": tiles_on_map(person) if labelled else [],
            # The script puts the tile's number in the place of 0.
            "tileUrl": reverse("desk") + "?tile=0",
            "urls": {
                "submissions": reverse("api-desk-submissions"),
                "withdraw": reverse("api-desk-withdraw", args=[UUID(int=0)]),
            },
        },
    }
    return render(request, "labeling/crowd/my_contributions.html", context)


def _spare(counts: dict[str, int]) -> list[tuple[int, str]]:
    """(tiles, why they do not count), in kind words."""
    words = {
        NotCounted.FULL: _(
            "others had already said enough about the tile when yours arrived. If one of them takes labels back, "
            "yours count after all."
        ),
        NotCounted.TUTORIAL: _(
            "you made them before you had passed the tutorial. Pass it, and they count where votes are still wanted."
        ),
        NotCounted.QUARANTINE: _(
            "they are set aside until an admin of this site has looked at them. Nothing is lost; this happens "
            "to careful people too."
        ),
    }
    return [(counts[reason], sentence) for reason, sentence in words.items() if counts.get(reason)]
