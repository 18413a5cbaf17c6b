"""The report desk: open reports in groups, whole groups set aside as junk, and brought back."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed, NotThere
from amberapp.models import Role, User
from labeling.models import Report, ReportState
from labeling.reports.groups import ReportFacts, ReportGroup, Voice, grouped, voices_of
from labeling.reports.locks import lead_on, lock_groups, slices
from labeling.reports.text_similarity import clusters

# So much of a comment is enough to rank it and to show it in a list.
BEGINNING = 240


class SetAsideScope(StrEnum):
    """How far setting a report aside reaches."""

    ONE = "one"  # this report alone
    SAID = "said"  # all reports of its place that say the same
    GROUP = "group"  # all reports of its group


@dataclass(frozen=True)
class Batch:
    """Reports that were set aside in one go; `lead` is one of them."""

    lead: Report
    count: int


def open_groups() -> list[ReportGroup]:
    """All open reports in groups, best first. One query; about 0.4 s for 10,000 reports."""
    return grouped(list(_told()))


def neighbours(report: Report, *, most: int = 50) -> list[Voice]:
    """What else is said about an open report's place: voices, rarest first."""
    told = list(_told(Report.objects.filter(place_key=report.place_key))) if report.place_key else []
    return voices_of(told)[:most]


def set_aside(*, report: Report, reach: str, upto: int, acting_user: User) -> int:
    """Set an open report aside as junk, alone or with those that are like it. Returns how many were.

    Only reports up to the number `upto` go, the newest that the expert has seen: what came since stays. Addresses of
    the senders are deleted at once, without a letter. A report that waited as the duplicate of one set aside, and is
    none itself, goes on by itself. Raises NotAllowed, Conflict when the report is not open any more.
    """
    _check(acting_user)
    if reach not in list(SetAsideScope):
        raise NotThere(_("There is no such way to set reports aside."))
    numbers = [number for number in _reached(report, SetAsideScope(reach)) if number <= upto]
    with transaction.atomic():
        # A duplicate that came in at the moment in which its first report was set aside is led on too.
        held = lock_groups([*numbers, *_orphans().values_list("pk", flat=True)])
        now = timezone.now()
        changed: list[int] = []
        for some in slices(numbers):
            still = Report.objects.filter(pk__in=some, state=ReportState.OPEN).order_by("pk")
            changed += still.values_list("pk", flat=True)
            still.update(
                state=ReportState.JUNK, decided_by=acting_user, decided_at=now, sealed_email="", answer=""
            )
        if not changed:
            raise Conflict(_("This report has been decided meanwhile. Nothing was changed."))
        led = _lead_the_orphans(held)
        details = {"came_forward": led} if led else {}
        record(acting_user, "report.set_aside", report, count=len(changed), reports=changed, **details)
    return len(changed)


def bring_back(*, report: Report, acting_user: User) -> int:
    """Open all reports again that were set aside together with this one. Returns how many.

    Addresses that were deleted with them do not come back. Raises NotAllowed, Conflict when somebody was quicker.
    """
    _check(acting_user)
    with transaction.atomic():
        together = Report.objects.filter(
            state=ReportState.JUNK, decided_at=report.decided_at, decided_by=report.decided_by_id
        ).order_by("pk")
        lock_groups(list(together.values_list("pk", flat=True)))
        numbers = list(together.values_list("pk", flat=True))
        if not numbers:
            raise Conflict(_("These reports have been brought back meanwhile."))
        together.update(state=ReportState.OPEN, decided_by=None, decided_at=None)
        record(acting_user, "report.brought_back", report, count=len(numbers), reports=numbers)
    return len(numbers)


def junk_batches(start: int, stop: int) -> tuple[list[Batch], int]:
    """What was set aside together, latest first, from `start` to before `stop`; and how many batches there are."""
    batches = (
        Report.objects.filter(state=ReportState.JUNK)
        .order_by()
        .values("decided_at", "decided_by")
        .annotate(count=Count("id"), lead=Min("id"))
        .order_by("-decided_at", "-lead")
    )
    rows = list(batches[start:stop])
    leads = Report.objects.select_related("region", "decided_by").in_bulk([row["lead"] for row in rows])
    return [Batch(leads[row["lead"]], row["count"]) for row in rows], batches.count()


def newest() -> int:
    """The number of the newest report: what an expert who looks now can have seen."""
    return int(Report.objects.aggregate(newest=Max("id"))["newest"] or 0)


def _check(acting_user: User) -> None:
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only experts decide about reports."))


def _reached(report: Report, reach: SetAsideScope) -> list[int]:
    if reach == SetAsideScope.GROUP:
        for group in open_groups():
            if report.pk in group.members:
                return sorted(group.members)
    elif reach == SetAsideScope.SAID and report.place_key:
        told = list(_told(Report.objects.filter(place_key=report.place_key)))
        mine = next((one for one in told if one.id == report.pk), None)
        if mine is not None and not (mine.photo and not mine.text_key):
            cluster = clusters(one.text_key for one in told)
            text = cluster.get(mine.text_key, "")
            # Those without words are alike only where they are without a photo, too.
            return sorted(
                one.id for one in told if cluster.get(one.text_key, "") == text and (text or not one.photo)
            )
    return [report.pk]


def _told(reports: "QuerySet[Report] | None" = None) -> Iterator[ReportFacts]:
    """What ranking needs of the open ones among these reports (all when None), in the order in which they came."""
    now = timezone.now()
    rows = (
        (Report.objects.all() if reports is None else reports).filter(state=ReportState.OPEN).order_by("pk")
    )
    wanted = ("id", "place_key", "text_key", "category", "photo_key", "created_at")
    for row in rows.values_list(*wanted, Left("comment", BEGINNING)):
        number, place_key, key, category, photo_key, created_at, words = row
        told = ReportFacts(number, place_key, key, category, words, bool(photo_key), 0.0)
        yield replace(told, days=max((now - created_at).total_seconds() / 86_400, 0.0))


def _orphans() -> "QuerySet[Report]":
    """Open duplicates whose first report is junk, in the order in which they came."""
    return Report.objects.filter(state=ReportState.OPEN, duplicate_of__state=ReportState.JUNK).order_by("pk")


def _lead_the_orphans(held: list[int]) -> dict[str, list[int]]:
    """Of the orphans of each held report the earliest comes forward; the others follow it. Returns who follows whom."""
    led: dict[str, list[int]] = {}
    for some in slices(held):
        left: dict[int, list[int]] = defaultdict(list)
        for first, number in _orphans().filter(duplicate_of__in=some).values_list("duplicate_of", "pk"):
            assert first is not None  # an orphan is a duplicate
            left[first].append(number)
        for numbers in left.values():
            led |= lead_on(numbers)
    return led
