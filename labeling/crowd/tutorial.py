"""The tutorial: tiles whose answers are known, worked through before a newcomer's labels count.

What was right is decided here; the page that teaches only shows it. Left out: choosing the tiles (an admin's work) and
the gold-standard tiles that are mixed in later (labeling.desk.queue). Labels made before passing are not counted; a job counts them where votes are still wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amberapp import jobs
from amberapp.audit import record
from amberapp.errors import NotAllowed, NotThere, UserError
from amberapp.models import Role, User
from detection.models import Region
from labeling.desk.volunteer_records import WEIGH_JOB, record_of
from labeling.models import (
    GoldStandardTile,
    GoldStandardUse,
    LabelVerdict,
    LookAlike,
    NotCounted,
    Submission,
    VolunteerRecord,
)

# A lesson is passed when so much of it is right, and so much of each class by itself.
RIGHT_IN_ALL = 0.8
RIGHT_IN_EACH = 0.5


@dataclass(frozen=True)
class Lesson:
    """A gold-standard tile with its answers as the page shows them: verdict, look-alike, and why, by superpixel."""

    known: GoldStandardTile
    answers: dict[int, dict[str, str]]
    passed: bool


@dataclass(frozen=True)
class Result:
    """What became of one attempt at a lesson; superpixels that were not answered count as not right."""

    right: int
    asked: int
    passed: bool
    tutorial_passed: bool


def lessons_of(*, region: Region, volunteer: User) -> list[Lesson]:
    """The region's lessons in their order, in the reader's language, with what this person has passed."""
    passed = set(record_of(volunteer, hold=False).lessons_passed)
    return [
        Lesson(tile, _explained(tile.answers), tile.pk in passed)
        for tile in _lessons(region.pk).select_related(
            "segmented_tile__tile__source", "segmented_tile__tile__region", "segmented_tile__segmentation"
        )
    ]


def take_lesson(
    *, volunteer: User, gold_standard_tile: GoldStandardTile, answers: Mapping[int, str]
) -> Result:
    """Judge one attempt. `answers`: verdicts by superpixel; others than the known ones are neither right nor wrong.

    The volunteer passes the tutorial with the last of the region's lessons. May be tried as often as one likes.
    Raises NotThere for a tile that is no lesson, UserError for a verdict that is none.
    """
    if gold_standard_tile.use != GoldStandardUse.LESSON:
        raise NotThere(_("There is no lesson %(number)s.") % {"number": gold_standard_tile.pk})
    if any(verdict not in LabelVerdict.values for verdict in answers.values()):
        raise UserError(_("A verdict is one of %(choices)s.") % {"choices": ", ".join(LabelVerdict.values)})
    right, total, passed = _judged(gold_standard_tile.answers, answers)
    with transaction.atomic():
        row = record_of(volunteer)
        if passed and gold_standard_tile.pk not in row.lessons_passed:
            row.lessons_passed = [*row.lessons_passed, gold_standard_tile.pk]
            row.save(update_fields=["lessons_passed"])
            record(volunteer, "tutorial.lesson_passed", gold_standard_tile, right=right, asked=total)
        left = _lessons(gold_standard_tile.region_id).exclude(pk__in=row.lessons_passed)
        if passed and row.tutorial_passed_at is None and not left.exists():
            _pass(row, volunteer, how="lessons")
    return Result(right, total, passed, row.tutorial_passed_at is not None)


def pass_at_once(*, volunteer: User) -> VolunteerRecord:
    """An expert says “I know this”. Raises NotAllowed for everybody else. Twice is as good as once."""
    if not volunteer.has_role(Role.EXPERT):
        raise NotAllowed(_("Only experts and admins may leave the tutorial out."))
    with transaction.atomic():
        row = record_of(volunteer)
        if row.tutorial_passed_at is None:
            _pass(row, volunteer, how="role")
    return row


def lesson(lesson_id: int) -> GoldStandardTile:
    """A lesson by its number. Raises NotThere."""
    tile = GoldStandardTile.objects.filter(pk=lesson_id, use=GoldStandardUse.LESSON).first()
    if tile is None:
        raise NotThere(_("There is no lesson %(number)s.") % {"number": lesson_id})
    return tile


def _lessons(region_id: int) -> Any:
    return GoldStandardTile.objects.filter(region=region_id, use=GoldStandardUse.LESSON).order_by(
        "position", "id"
    )


def _pass(row: VolunteerRecord, volunteer: User, how: str) -> None:
    row.tutorial_passed_at = timezone.now()
    row.save(update_fields=["tutorial_passed_at"])
    record(volunteer, "tutorial.passed", volunteer, how=how)
    if Submission.objects.standing().filter(volunteer=volunteer, spare=NotCounted.TUTORIAL).exists():
        jobs.enqueue(WEIGH_JOB, acting_user=volunteer, volunteer=volunteer.pk)


def _judged(gold: Mapping[str, Mapping[str, Any]], answers: Mapping[int, str]) -> tuple[int, int, bool]:
    """(right, asked, passed)."""
    by_class: dict[str, list[bool]] = {}
    for number, answer in gold.items():
        by_class.setdefault(answer["verdict"], []).append(answers.get(int(number)) == answer["verdict"])
    total = sum(len(marks) for marks in by_class.values())
    right = sum(sum(marks) for marks in by_class.values())
    each = all(sum(marks) >= RIGHT_IN_EACH * len(marks) for marks in by_class.values())
    return right, total, total > 0 and right >= RIGHT_IN_ALL * total and each


def _explained(answers: Mapping[str, Mapping[str, Any]]) -> dict[int, dict[str, str]]:
    """Answers with one sentence each: the answer's own, else how the look-alike is told apart, else a general one."""
    language = (get_language() or "en").split("-")[0]
    hints = {row.slug: row.hint for row in LookAlike.objects.listed()}
    general = {
        LabelVerdict.MINING: _(
            "Bare, torn ground: pale sand, round pits and water in them, with ragged edges."
        ),
        LabelVerdict.NOT_MINING: _("No pits and no torn ground here."),
        LabelVerdict.UNSURE: _("This picture does not tell: “unsure” is the honest answer."),
        LabelVerdict.MIXED: _("Part of it is mined and part of it is not."),
    }
    explained = {}
    for number, answer in answers.items():
        why = answer.get("why") or {}
        look_alike = answer.get("look_alike", "")
        own = why.get(language) or why.get("en") or ""
        verdict = LabelVerdict(answer["verdict"])
        explained[int(number)] = {
            "verdict": str(verdict),
            "look_alike": LookAlike.objects.name_of(look_alike) if look_alike else "",
            "why": own or hints.get(look_alike, "") or general[verdict],
        }
    return explained
