"""Admins look at the crowd: volunteers and what is done about their accounts, the desks' rules, suggestion bias."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from amberapp.models import Role
from amberapp.web.parameters import signed_in
from amberapp.web.permissions import role_required
from labeling.crowd import accounts
from labeling.crowd.pages import volunteer_page
from labeling.crowd.suggestion_bias import SuggestionBias, suggestion_bias
from labeling.crowd.volunteer_list import SORTS, count_labels, portrait_of, record_named, volunteer_list
from labeling.desk.aggregation.dawid_skene import NEWCOMER_ACCURACY
from labeling.desk.crowd_figures import in_quarantine

PEOPLE_PER_PAGE = 50
STATES = [
    ("", gettext_lazy("All")),
    ("counting", gettext_lazy("Their votes count")),
    ("learning", gettext_lazy("Tutorial not passed")),
    ("quarantined", gettext_lazy("In quarantine")),
    ("trusted", gettext_lazy("Looked at and trusted")),
]
SORT_NAMES = {
    "tiles": gettext_lazy("Tiles"),
    "labels": gettext_lazy("Labels"),
    "right": gettext_lazy("How often right"),
    "state": gettext_lazy("State"),
    "name": pgettext_lazy("person", "Name"),
}


# Volunteers ----------------------------------------------------------------------------------------------------------


@never_cache
@require_safe
@role_required(Role.ADMIN)
def volunteers(request: HttpRequest) -> HttpResponse:
    """Everybody who labels, sorted and searched."""
    search = request.GET.get("q", "").replace("\0", "").strip()[:150]
    state = request.GET.get("state", "")
    state = state if state in dict(STATES) else ""
    sort = request.GET.get("sort", "tiles")
    sort = sort if sort in SORTS else "tiles"
    down = request.GET.get("order", "up" if sort in ("name", "state") else "down") != "up"
    rows = volunteer_list(search=search, state=state, sort=sort, down=down)
    page = Paginator(rows, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    if sort != "labels":
        count_labels(list(page))
    filters = {name: value for name, value in (("q", search), ("state", state)) if value}
    order = "down" if down else "up"
    columns = {
        name: {
            "label": label,
            "sorted": ("descending" if down else "ascending") if name == sort else "",
            "query": urlencode({**filters, "sort": name, "order": "up" if name == sort and down else "down"}),
        }
        for name, label in SORT_NAMES.items()
    }
    context = {
        "page": page,
        "search": search,
        "state": state,
        "states": STATES,
        "sort": sort,
        "order": order,
        "sorts": SORT_NAMES.items(),
        "columns": columns,
        "query": urlencode({**filters, "sort": sort, "order": order}) + "&",
        "quarantined": in_quarantine(),
        "newcomer": round(100 * NEWCOMER_ACCURACY),
    }
    return render(request, "labeling/crowd/volunteers.html", context)


@never_cache
@require_safe
@role_required(Role.ADMIN)
def volunteer(request: HttpRequest, username: str) -> HttpResponse:
    """One person: what they say, how often they are right, and what can be done about the account."""
    page = volunteer_page(portrait_of(record_named(username)))
    return render(request, "labeling/crowd/volunteer.html", {"page": page})


def _deed(act: Callable[..., Any], sentence: str) -> Callable[..., HttpResponse]:
    """A door to something done about one account; the person's page follows."""

    @require_POST
    @role_required(Role.ADMIN)
    def door(request: HttpRequest, username: str) -> HttpResponse:
        person = record_named(username).volunteer
        act(volunteer=person, acting_user=signed_in(request))
        messages.success(request, sentence % {"name": person.username})
        return redirect("volunteer", username=person.username)

    return door


volunteer_quarantine = _deed(
    accounts.quarantine,
    gettext_lazy("%(name)s is in quarantine: the votes are kept and do not count."),  # type: ignore[arg-type]
)
volunteer_trust = _deed(
    accounts.end_quarantine,
    gettext_lazy("%(name)s is out of quarantine: the votes are being counted again."),  # type: ignore[arg-type]
)
volunteer_reverse = _deed(
    accounts.reverse_account,
    gettext_lazy("Everything that %(name)s said is being taken back."),  # type: ignore[arg-type]
)


# Suggestion bias -----------------------------------------------------------------------------------------------------


@never_cache
@require_safe
@role_required(Role.ADMIN)
def suggestion_bias_page(request: HttpRequest) -> HttpResponse:
    """Whether volunteers follow what the classifier shows them."""
    regions = [(one, _sentence(one), _lines(one)) for one in suggestion_bias()]
    return render(request, "labeling/crowd/suggestion_bias.html", {"regions": regions})


def _points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    points = round(100 * share, 1)
    sign = "−" if points < 0 else "+"
    return sign + number_format(abs(points), 1)


def _sentence(one: SuggestionBias) -> str:
    if one.pull is None:
        return _("Only one of the two has been seen so far: nothing can be compared yet.")
    low, high = one.pull_interval
    values = {"points": _points(one.pull), "low": _points(low), "high": _points(high)}
    if low > 0:
        sentence = _(
            "Volunteers agree more with the classifier when they see what it says: by %(points)s points "
            "(%(low)s to %(high)s). Suggestions bias them."
        )
    elif high < 0:
        sentence = _(
            "Volunteers agree less with the classifier when they see what it says: by %(points)s points (%(low)s to "
            "%(high)s). They push back."
        )
    else:
        sentence = _(
            "No bias can be told from chance: the difference is %(points)s points, the confidence interval "
            "%(low)s to %(high)s."
        )
    sentence = sentence % values
    if one.gain is not None:
        low, high = one.gain_interval
        if low > 0:
            sentence += " " + _("Measured by what experts decided, labels are better with suggestions.")
        elif high < 0:
            sentence += " " + _(
                "Measured by what experts decided, labels are worse with suggestions: show more tiles blind."
            )
        else:
            sentence += " " + _(
                "Measured by what experts decided, labels are neither better nor worse for it."
            )
    return sentence


def _lines(one: SuggestionBias) -> list[dict[str, Any]]:
    """The two comparisons as a template shows them: bars in whole percent, differences in points."""
    lines = []
    for title, shown, blind, difference, interval in (
        (_("Agreement with the classifier"), one.shown, one.blind, one.pull, one.pull_interval),
        (_("Agreement with experts"), one.shown_right, one.blind_right, one.gain, one.gain_interval),
    ):
        if shown.share is None and blind.share is None:
            continue
        sides = [
            {
                "name": name,
                "width": 0 if side.share is None else f"{100 * side.share:.1f}",
                "percent": None if side.share is None else number_format(100 * side.share, 1),
                "low": f"{100 * side.interval[0]:.0f}",
                "high": f"{100 * side.interval[1]:.0f}",
                "tiles": side.tiles,
                "labels": side.compared,
            }
            for name, side in ((_("shown"), shown), (_("blind"), blind))
        ]
        lines.append(
            {
                "title": title,
                "sides": sides,
                "difference": None if difference is None else _points(difference),
                "low": _points(interval[0]),
                "high": _points(interval[1]),
            }
        )
    return lines
