"""The head of the review pages, and what stands below it when a list is empty. Decided here, drawn by templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amberapp.models import User
from detection.models import Run
from detection.runs.drift import DriftGroup, unlike_groups
from labeling.models import Campaign, Report, ReportState
from labeling.review.card import regions_to_review, run_to_review
from labeling.review.readiness import readiness
from labeling.review.verdicts import DISPUTED
from labeling.review.waiting import (
    ALL,
    APPROVED,
    CARRIED,
    CHANGED,
    NEW,
    REJECTED,
    SECOND,
    STATES,
    UNDECIDED,
    Needs,
    QueueItem,
    counts_of,
    needs_of,
    run_before,
)
from labeling.review.way import ReviewOrder

# Tabs that are there although they are empty; the others come when there is something in them.
ALWAYS = (UNDECIDED, APPROVED, REJECTED, CARRIED, ALL)


@dataclass(frozen=True)
class Tab:
    """One of the lists; `name` is what scripts know its count by."""

    name: str
    title: str
    count: int
    url: str
    is_current: bool = False


@dataclass(frozen=True)
class Head:
    """What the head shows: the run, its lists, how far the work is, what needs the reader, and the ways elsewhere.

    unlike: dates that look like nothing the classifier was trained on, with unlike_url to what it found there.
    before: the run that this one is compared with; latest: a newer run, if there is one; reports: how many of
    citizens wait; regions: (address, name, whether it is this one), empty where there is but one.
    """

    run: Run
    before: Run | None
    latest: Run | None
    campaign: Campaign | None
    way: ReviewOrder
    is_gallery: bool
    list_url: str
    other_url: str
    tabs: list[Tab]
    needs: Needs
    needed: list[Tab]
    reports: int
    regions: list[tuple[str, str, bool]]
    total: int
    decided: int
    unlike: list[DriftGroup]
    unlike_url: str

    @property
    def unlike_detections(self) -> int:
        return sum(group.detections for group in self.unlike)

    @property
    def other_title(self) -> str:
        if self.is_gallery:
            return _("One by one")
        return _("Back to the gallery") if self.way.order else _("Gallery")

    @property
    def need_words(self) -> str:
        """What follows the number of those that need the reader."""
        words = _("of %(total)s need you") % {"total": intcomma(self.total)}
        return f"{words}:" if self.needed else words

    @property
    def latest_url(self) -> str:
        return f"{self.list_url}?region={self.run.region.slug}"

    @property
    def compares(self) -> bool:
        """Whether it says with which run this one is compared; the gallery says so among its tools."""
        return self.before is not None and bool(self.needs.total) and not self.is_gallery


def head_of(
    run: Run, items: Sequence[QueueItem], way: ReviewOrder, *, gallery: bool = False, shown: int | None = None
) -> Head:
    """`shown`: the detection at which the other view is to be opened."""
    counts = counts_of(items)
    titles = state_titles()
    latest = run_to_review(run.region)
    list_url = reverse("review-gallery" if gallery else "review")
    other_url = f"{reverse('review' if gallery else 'review-gallery')}?run={run.pk}&{way.query}"
    regions = regions_to_review()
    needs = needs_of(items)
    order = {"order": way.order} if way.order else {}
    return Head(
        run=run,
        before=run_before(run),
        latest=latest if latest is not None and latest.pk != run.pk else None,
        campaign=run.campaigns.filter(withdrawn_at__isnull=True).first(),
        way=way,
        is_gallery=gallery,
        list_url=list_url,
        other_url=other_url if shown is None else f"{other_url}&at={shown}",
        tabs=[
            Tab(
                name=name,
                title=titles[name],
                count=counts[name],
                url=f"{list_url}?{urlencode({'run': run.pk, 'state': name, **order})}",
                is_current=name == way.state,
            )
            for name in STATES
            if name in ALWAYS or name == way.state or (name in (DISPUTED, SECOND) and counts[name])
        ],
        needs=needs,
        needed=_needed(needs, f"{list_url}?run={run.pk}"),
        reports=Report.objects.filter(state=ReportState.OPEN).count(),
        regions=[
            (f"{list_url}?region={region.slug}", str(region), region == run.region)
            for region in (regions if len(regions) > 1 else [])
        ],
        total=counts[ALL],
        decided=sum(item.is_decided for item in items),
        unlike=[group for group in unlike_groups(run) if group.detections],
        unlike_url=f"{list_url}?{urlencode({'run': run.pk, 'state': ALL, **order, 'unlike': 1})}",
    )


def _needed(needs: Needs, run_url: str) -> list[Tab]:
    """For what reasons how many need the reader, those without any left out."""
    reasons = [
        Tab("need-new", _("new"), needs.new, f"{run_url}&state={NEW}"),
        Tab("need-changed", _("changed"), needs.changed, f"{run_url}&state={CHANGED}"),
        Tab("need-same", _("found before, never judged"), needs.again, ""),
        Tab("need-disputed", _("disputed"), needs.disputed, f"{run_url}&state={DISPUTED}"),
        Tab("need-second", _("for a second opinion"), needs.second, f"{run_url}&state={SECOND}"),
    ]
    return [reason for reason in reasons if reason.count]


def state_titles() -> dict[str, str]:
    return {
        UNDECIDED: _("Undecided"),
        NEW: _("New"),
        CHANGED: _("Changed"),
        DISPUTED: _("Disputed"),
        SECOND: _("Second opinion"),
        APPROVED: _("Approved"),
        REJECTED: _("Rejected"),
        CARRIED: _("Carried over"),
        ALL: _("All"),
    }


@dataclass(frozen=True)
class EmptyList:
    """Why nothing is shown, and the way on; ("", "") where there is none."""

    title: str
    text: str = ""
    url: str = ""
    action: str = ""


@dataclass(frozen=True)
class EverythingDecided:
    """Nothing waits for this reader any more; `publish_url` is "" where they cannot publish, or not yet."""

    title: str
    others: str
    counts: str
    publishing: str
    publish_url: str


def nothing_found(reader: User) -> EmptyList:
    """No region has a finished run."""
    title = _("Nothing to review yet")
    text = _(
        "No search of a region has finished. When one has, what it found comes here, one detection after another."
    )
    if reader.is_admin:
        return EmptyList(title, text, reverse("manage"), _("Start a search"))
    return EmptyList(title, text, reverse("report-list"), _("Citizens' reports"))


def empty_list(head: Head) -> EmptyList | None:
    """Why the list has nothing although not everything is decided; None where everything is."""
    if not head.total:
        text = _("No tile has more positive superpixels than the rule asks for.")
        return EmptyList(_("This run found nothing"), text, reverse("report-list"), _("Citizens' reports"))
    if head.way.state == UNDECIDED and not head.needs.total:
        return None
    text = ""
    if head.way.state == UNDECIDED:
        text = _("Nothing that waits for you differs from the run before.")
    return EmptyList(_("None in this list"), text, reverse("review"), _("To the undecided ones"))


def everything_decided(head: Head, reader: User) -> EverythingDecided:
    ready = readiness(head.run)
    others = head.needs.others
    sentence = ngettext(
        "%(n)s detection waits for a colleague: a second opinion, or a dispute that somebody else settles.",
        "%(n)s detections wait for a colleague: a second opinion, or a dispute that somebody else settles.",
        others,
    ) % {"n": others}
    may_publish = reader.is_admin and not ready.problem
    return EverythingDecided(
        title=_("Nothing waits for you") if others else _("Everything is decided"),
        others=sentence if others else "",
        counts=_("%(approved)s approved, %(rejected)s rejected.")
        % {"approved": ready.approved, "rejected": ready.rejected},
        publishing=ready.problem or _("The approved ones can be published as the next release."),
        publish_url=reverse("run", args=[head.run.pk]) + "#publish" if may_publish else "",
    )


def empty_context(head: Head, reader: User) -> dict[str, Any]:
    """What the page of a list without anything in it shows below its head."""
    nothing = empty_list(head)
    return {
        "head": head,
        "nothing": nothing,
        "decided": everything_decided(head, reader) if nothing is None else None,
    }
