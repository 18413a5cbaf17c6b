"""What an expert's card says and offers, put into words: the notice, the facts, the answers. Drawn by `_card.html`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amberapp.models import User
from amberapp.web.words import hectares_text, moment_text
from detection.models import Detection, Tile
from labeling.models import LookAlike, OtherReason, Report, ReportState, Review, ReviewVerdict
from labeling.review.card import Card, PastDetection, PastReview, card_of
from labeling.review.verdict_tags import tag_of
from labeling.review.verdicts import DISPUTED
from labeling.review.waiting import Since
from labeling.review.way import ReviewOrder

# So many reasons have a key of their own.
KEYS = 9


@dataclass(frozen=True)
class Notice:
    """What counts for the ground: first words in bold, the rest of the sentence, a colleague's question, further lines."""

    tone: str
    strong: str
    text: str = ""
    quote: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reason:
    """A look-alike to reject with; `key` is "" where it has none."""

    value: str
    name: str
    key: str
    is_current: bool


@dataclass(frozen=True)
class PastLine:
    """A line on a verdict of before; `notes` follow it, one after another."""

    tag: str
    verdict: str
    words: str
    stands: bool
    is_settled: bool
    report_id: int | None
    notes: list[str]
    quote: str


@dataclass(frozen=True)
class CardPage:
    """before, after: numbers of the detections that Back and Skip lead to without scripts; None: to the list."""

    card: Card
    way: ReviewOrder
    before: int | None = None
    after: int | None = None

    @property
    def detection(self) -> Detection:
        return self.card.detection

    @property
    def tile(self) -> Tile:
        return self.card.tile

    @property
    def verdict(self) -> str:
        return self.card.standing.verdict

    @property
    def seen(self) -> int | None:
        latest = self.card.standing.latest
        return latest.pk if latest is not None else None

    @property
    def title(self) -> str:
        hectares = self.card.outline.hectares
        return _("Size not known") if hectares is None else hectares_text(hectares)

    @property
    def date(self) -> str:
        day = self.tile.capture_date
        return _("date not known") if day is None else date_format(day, "DATE_FORMAT")

    @property
    def drawn(self) -> dict[str, Any]:
        """For the script by which the outline is corrected: what counts, and what the machine had drawn."""
        return {
            "superpixels": self.card.outline.superpixels,
            "fragments": self.card.outline.fragments,
            "machine": self.detection.superpixels,
        }

    @property
    def notice(self) -> Notice | None:
        if self.verdict == DISPUTED:
            return self._dispute()
        current = self.card.current
        if current is None:
            return None
        if self.verdict == ReviewVerdict.SECOND:
            strong = _("%(who)s asks for a second opinion") % {"who": current.expert.username}
            lines = (self.card.blocked,) if self.card.blocked else ()
            return Notice("notice--warning", strong, quote=current.note, lines=lines)
        return self._verdict(current)

    def _dispute(self) -> Notice:
        sides = ", ".join(_side(review) for review in self.card.standing.sides)
        end = self.card.blocked or _("Your verdict settles it.")
        return Notice("notice--warning", _("Disputed"), f": {sides}. {end}")

    def _verdict(self, current: Review) -> Notice:
        is_approved = self.verdict == ReviewVerdict.APPROVED
        strong = capfirst(current.verdict_name)
        if not is_approved:
            strong = f"{capfirst(_('rejected'))}: {current.look_alike_name}"
        text = f" · {current.expert.username}, {moment_text(current.created_at, 'SHORT_DATE_FORMAT')}"
        if current.settles:
            text += f" · {_('dispute settled')}"
        lines: tuple[str, ...] = ()
        if self.card.carried:
            lines = (
                _("Carried over from run %(run)s: the same superpixels.") % {"run": current.detection.run_id},
            )
        return Notice("notice--success" if is_approved else "", strong, text, lines=lines)

    @property
    def objection(self) -> tuple[int, str] | None:
        """(the report, a sentence) where citizens object and nobody has answered."""
        reports = self.card.open_reports
        if not reports:
            return None
        sentence = ngettext(
            "A citizen objects: %(category)s", "%(n)s citizens object: %(category)s", len(reports)
        )
        return reports[0].pk, sentence % {
            "n": len(reports),
            "category": reports[0].get_category_display(),
        }

    @property
    def since(self) -> str:
        """How it compares with the run before, as long as nobody has judged it."""
        if self.card.current is not None or self.card.before is None:
            return ""
        sentences = {
            Since.CHANGED: _("Run %(id)s outlined it differently."),
            Since.NEW: _("New: run %(id)s had not found it."),
            Since.SAME: _("Run %(id)s had found the same ground; nobody has judged it."),
        }
        return sentences[self.card.since] % {"id": self.card.before.pk}

    # What can be answered

    @property
    def is_approved(self) -> bool:
        return self.verdict == ReviewVerdict.APPROVED

    @property
    def is_rejected(self) -> bool:
        return self.verdict == ReviewVerdict.REJECTED

    @property
    def reasons(self) -> list[Reason]:
        current = self.card.current.look_alike if self.is_rejected and self.card.current else None
        return reasons(current)

    @property
    def withdraw_title(self) -> str:
        if self.verdict == ReviewVerdict.SECOND:
            return _("Take the question back")
        return _("Take my verdict back")

    @property
    def may_ask(self) -> bool:
        """Whether a second opinion can be asked for: it does not wait for another expert yet."""
        return self.verdict not in (ReviewVerdict.SECOND, DISPUTED)

    @property
    def back_url(self) -> str:
        return self._url(self.before)

    @property
    def skip_url(self) -> str:
        return self._url(self.after)

    def _url(self, number: int | None) -> str:
        if number is None:
            return f"{reverse('review')}?run={self.detection.run_id}&{self.way.query}"
        return f"{reverse('review-detection', args=[number])}?{self.way.query}"

    # Facts

    @property
    def position(self) -> str:
        if self.tile.latitude is None or self.tile.longitude is None:
            return _("not known: stays off the map")
        return f"{self.tile.latitude:.4f}, {self.tile.longitude:.4f}"

    @property
    def crowd(self) -> str:
        """What volunteers say of its superpixels."""
        crowd = self.card.crowd
        if not crowd.people:
            return _("nobody has labelled this tile")
        people = ngettext("%(people)s person", "%(people)s people", crowd.people) % {"people": crowd.people}
        parts = [
            _("mining on %(mining)s of %(superpixels)s superpixels")
            % {"mining": crowd.mining, "superpixels": crowd.superpixels}
        ]
        if crowd.not_mining:
            parts.append(_("not mining on %(n)s") % {"n": crowd.not_mining})
        if crowd.unsure:
            parts.append(_("unsure on %(n)s") % {"n": crowd.unsure})
        return f"{people}: {', '.join(parts)}"

    @property
    def reports(self) -> list[tuple[Report, str]]:
        """(report, colour of its tag)."""
        return [
            (report, "tag--danger" if report.state == ReportState.OPEN else "")
            for report in self.card.reports
        ]

    @property
    def runs(self) -> list[tuple[PastDetection, str]]:
        """(what another run marked, how much of the ground is the same)."""
        return [(other, _share(other)) for other in self.card.runs]

    @property
    def past(self) -> list[PastLine]:
        return [_past_line(past, self.detection.run_id) for past in self.card.past]


def card_page(
    detection: Detection, reader: User, way: ReviewOrder, before: int | None = None, after: int | None = None
) -> CardPage:
    return CardPage(card_of(detection, reader), way, before, after)


def reasons(current: str | None = None) -> list[Reason]:
    """All look-alikes to reject with, the first ones with keys; `current` is the one that was given."""
    return [
        Reason(value, str(name), str(number) if number <= KEYS else "", value == current)
        for number, (value, name) in enumerate([*LookAlike.objects.choices(), *OtherReason.choices], 1)
    ]


def _side(review: Review) -> str:
    if review.verdict == ReviewVerdict.APPROVED:
        return f"{review.expert.username}: {_('approved')}"
    return f"{review.expert.username}: {_('rejected')} ({review.look_alike_name})"


def _share(other: PastDetection) -> str:
    if other.overlap == 1:
        return _("the same ground")
    if other.overlap:
        return _("%(share)s%% the same superpixels") % {"share": other.percent}
    return _("other superpixels")


def _past_line(past: PastReview, run_id: int) -> PastLine:
    review = past.review
    parts = [review.look_alike_name] if review.look_alike else []
    moment = moment_text(review.created_at, "SHORT_DATETIME_FORMAT")
    notes: Sequence[str] = [
        _("run %(id)s") % {"id": review.detection.run_id} if review.detection.run_id != run_id else "",
        "" if past.same_ground else _other_ground(past),
    ]
    return PastLine(
        tag=tag_of(review.verdict),
        verdict=review.verdict_name,
        words=" · ".join([*parts, f"{review.expert.username}, {moment}"]),
        stands=past.stands,
        is_settled=review.settles and review.report_id is None,
        report_id=review.report_id,
        notes=[note for note in notes if note],
        quote=review.note,
    )


def _other_ground(past: PastReview) -> str:
    if past.overlap:
        return _("of an outline with %(share)s%% the same superpixels") % {"share": past.percent}
    return _("of another outline")
