"""Taking in what people say about a tile, and taking it back.

Every change of labels goes through here, so that labels, consensus, the queue's counts, the volunteer's record and
the audit never disagree: they are written in one transaction. What is changed is held first, in one order for
everybody: tiles, their rows in the queue, records by account; who changes several tiles in one transaction calls
`lock_tiles` before the first. No label is ever thrown away: those that come too late, too early or from an account
in quarantine are kept as spare, and say why.
"""

from collections.abc import Collection, Mapping
from typing import NotRequired, TypedDict
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed, NotThere, UserError
from amberapp.models import Role, User
from detection.description.fragments import fragment_counts
from detection.models import SegmentedTile, TileKind
from labeling.desk.consensus import EXPERT_ORIGINS, lock_records, refresh_tile
from labeling.desk.queue import lease_again
from labeling.desk.queue_state import lock_progress, lock_queue, recount
from labeling.desk.suggestions import agreement_with
from labeling.desk.volunteer_records import learn, tutorial_wanted
from labeling.models import (
    Claim,
    ClaimState,
    GoldStandardTile,
    Label,
    LabelVerdict,
    LookAlike,
    NotCounted,
    Origin,
    Submission,
    TileProgress,
    VolunteerRecord,
)

Part = tuple[int, int]  # superpixel, piece of it (0: the whole)
Answers = dict[Part, tuple[str, str]]  # verdict, look-alike


class LabelInput(TypedDict):
    """One superpixel's label as a door hands it in; `verdict` and `look_alike` are the models' values."""

    superpixel: int
    piece: NotRequired[int]
    verdict: str
    look_alike: NotRequired[str]


def submit_labels(
    *,
    submission_id: UUID,
    segmented_tile: SegmentedTile,
    labels: Collection[LabelInput],
    acting_user: User,
    origin: str = Origin.DESK,
) -> Submission:
    """Keep what `acting_user` says about a tile. The client makes the id, so sending twice is safe.

    The same id with the same content gives the same Submission again, also when it has been withdrawn
    meanwhile. `Submission.spare` says whether the labels count. Raises Conflict when the id already stands for
    something else or when this person's labels of the tile are already there, UserError when the labels do not fit
    the tile.
    """
    answers = _checked(labels, segmented_tile)
    if origin == Origin.DESK and segmented_tile.tile.kind != TileKind.TILE:
        raise UserError(_("Only whole tiles are labelled at the desk; a crop brings its label with it."))
    try:
        return _write(submission_id, segmented_tile, answers, acting_user, origin)
    except IntegrityError:
        # Two requests with one id for different tiles hold different locks; the slower one ends here.
        earlier = Submission.objects.filter(pk=submission_id).first()
        if earlier is None:
            raise
        return _same_again(earlier, segmented_tile, answers, acting_user, origin)


def expert_labels(
    *,
    segmented_tile: SegmentedTile,
    labels: Collection[LabelInput],
    acting_user: User,
    origin: str,
    submission_id: UUID | None = None,
) -> Submission:
    """Keep an expert's decision from a review, an accepted report or an escalated tile: it settles the consensus.

    Call it inside the transaction of the decision itself. Raises NotAllowed for anybody but an expert.
    """
    if origin not in EXPERT_ORIGINS:
        raise ValueError(f"an expert's decision comes from a review or a report, not from {origin!r}")
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only an expert's decision settles a superpixel."))
    return submit_labels(
        submission_id=submission_id or uuid4(),
        segmented_tile=segmented_tile,
        labels=labels,
        acting_user=acting_user,
        origin=origin,
    )


def withdraw_submission(*, submission_id: UUID, acting_user: User) -> Submission:
    """Take back one's own submission: it stays on record, stops counting, and the tile is kept for its maker
    where a vote of it is theirs or free.

    Taking back twice changes nothing. Raises NotThere for a submission that is not this person's own and
    UserError for one that was not made at the desk.
    """
    with transaction.atomic():
        submission = (
            Submission.objects.select_related("segmented_tile__tile")
            .filter(pk=submission_id, volunteer=acting_user)
            .first()
        )
        if submission is None:
            raise NotThere(_("You have sent nothing under this number."))
        if submission.origin != Origin.DESK:
            raise UserError(
                _("Only labels from the desk can be taken back; a review is corrected by a new one.")
            )
        tile = _locked(submission.segmented_tile)
        progress = lock_progress(tile)
        if Submission.objects.standing().filter(pk=submission_id).update(withdrawn_at=timezone.now()):
            submission.refresh_from_db(fields=["spare"])
            # What came too late held no vote of the tile, and taking it back must not win it one.
            if progress is not None and (submission.spare == NotCounted.NO or progress.free > 0):
                lease_again(progress, acting_user)
            labels = _counts_changed(tile, progress, removed=[submission])
            record(acting_user, "labels.withdrawn", submission, labels=labels)
        submission.refresh_from_db(fields=["withdrawn_at"])
        return submission


def withdraw_decisions(*, segmented_tile: SegmentedTile, submissions: Collection[UUID]) -> int:
    """Take back an expert's earlier decisions whole; otherwise as `narrow_decisions`."""
    return narrow_decisions(segmented_tile=segmented_tile, left=dict.fromkeys(submissions, ()))


def narrow_decisions(*, segmented_tile: SegmentedTile, left: Mapping[UUID, Collection[int]]) -> int:
    """Take back an expert's earlier decisions but for the superpixels that are `left` of each, for instance when some
    of the ground is approved after all.

    What is taken back of one goes, withdrawn, into a submission of its own with the maker and the time of the first; what
    is left keeps its place in the order of decisions. Call it inside the transaction of the new decision, which writes
    the audit row. Returns how many stood.
    """
    with transaction.atomic():
        tile = _locked(segmented_tile)
        progress = lock_progress(tile)
        standing = list(
            Submission.objects.standing().filter(pk__in=left, segmented_tile=tile, origin__in=EXPERT_ORIGINS)
        )
        if standing:
            removed = [_split(one, left[one.pk]) if left[one.pk] else one for one in standing]
            Submission.objects.filter(pk__in=[one.pk for one in removed]).update(withdrawn_at=timezone.now())
            _counts_changed(tile, progress, removed=removed)
        return len(standing)


def _split(submission: Submission, left: Collection[int]) -> Submission:
    """A submission of its own with the labels of all superpixels but those `left`."""
    other = Submission.objects.create(
        id=uuid4(),
        volunteer_id=submission.volunteer_id,
        segmented_tile_id=submission.segmented_tile_id,
        origin=submission.origin,
    )
    Submission.objects.filter(pk=other.pk).update(created_at=submission.created_at)
    submission.labels.exclude(superpixel__in=left).update(submission=other)
    return other


def lock_tiles(segmented_tiles: Collection[int]) -> None:
    """Hold several tiles, then their rows in the queue, then the records of all who labelled one of them at the desk.

    Call it inside a transaction that changes labels of more than one tile, before the first of them. Taken tile by
    tile, the first one's volunteers would be held while the second one is waited for, and whoever holds that may be
    waiting for one of these volunteers.
    """
    tiles = list(
        SegmentedTile.objects.select_related("tile")
        .select_for_update(of=("self",), no_key=True)
        .filter(pk__in=segmented_tiles)
        .order_by("pk")
    )
    lock_queue(tiles)
    desk = Submission.objects.filter(segmented_tile__in=tiles, origin=Origin.DESK)
    lock_records(desk.values_list("volunteer_id", flat=True))


def set_aside(*, submission: Submission, withdraw: bool = False, spare: str | None = None) -> bool:
    """Make one submission stop (or start) counting, for an account's quarantine or reversal. No audit row.

    Whoever decides about the whole account writes that. False when there was nothing to change.
    """
    with transaction.atomic():
        tile = _locked(submission.segmented_tile)
        progress = lock_progress(tile)
        standing = Submission.objects.standing().filter(pk=submission.pk)
        did_count = standing.filter(spare=NotCounted.NO).exists()
        if withdraw:
            changed = standing.update(withdrawn_at=timezone.now())
        else:
            changed = standing.exclude(spare=spare).update(spare=spare)
        if changed:
            _counts_changed(tile, progress, removed=[submission] if did_count else [])
        return bool(changed)


def _counts_changed(
    tile: SegmentedTile, progress: TileProgress | None, removed: Collection[Submission]
) -> int:
    """Consensus and counts of a held tile after submissions ceased to count. Returns how many labels they had."""
    labels = set(Label.objects.filter(submission__in=removed).values_list("superpixel", "piece"))
    records = _locked_records(tile)
    refresh_tile(tile, labels, votes=_votes(tile), records=records, removed={one.pk for one in removed})
    if progress is not None:
        recount(progress)
        # A gold-standard tile asks for no votes and takes every answer.
        is_gold = GoldStandardTile.objects.filter(segmented_tile=tile).exists()
        while (is_gold or progress.free > 0) and (late := _latecomer(tile)) is not None:
            # There is room again: labels that had come too late count after all, the earliest first.
            Submission.objects.filter(pk=late.pk).update(spare=NotCounted.NO)
            parts = set(late.labels.values_list("superpixel", "piece"))
            refresh_tile(tile, parts, votes=_votes(tile), records=records, added={late.pk})
            recount(progress)
    return len(labels)


def _latecomer(tile: SegmentedTile) -> Submission | None:
    late = Submission.objects.standing().filter(
        segmented_tile=tile, origin=Origin.DESK, spare=NotCounted.FULL
    )
    return late.order_by("created_at", "pk").first()


def _votes(tile: SegmentedTile) -> int:
    """People whose labels of the tile count now."""
    return Submission.objects.counting().filter(segmented_tile=tile, origin=Origin.DESK).count()


def _locked_records(tile: SegmentedTile, *more: int) -> dict[int, VolunteerRecord]:
    """The records of everybody who labelled the tile at the desk, and of `more`, held until the transaction ends."""
    people = Submission.objects.filter(segmented_tile=tile, origin=Origin.DESK).values_list(
        "volunteer_id", flat=True
    )
    return lock_records({*people, *more})


def _write(
    submission_id: UUID, segmented_tile: SegmentedTile, answers: Answers, acting_user: User, origin: str
) -> Submission:
    with transaction.atomic():
        tile = _locked(segmented_tile)
        earlier = Submission.objects.filter(pk=submission_id).first()
        if earlier is not None:
            return _same_again(earlier, tile, answers, acting_user, origin)
        if origin == Origin.DESK:
            submission = _from_the_desk(submission_id, tile, answers, acting_user)
        else:
            submission = Submission.objects.create(
                id=submission_id, volunteer=acting_user, segmented_tile=tile, origin=origin
            )
            _keep(submission, answers)
            progress = lock_progress(tile)
            refresh_tile(tile, set(answers), votes=_votes(tile), records=_locked_records(tile))
            if progress is not None:
                recount(progress)
        details = {"spare": str(submission.spare)} if submission.spare else {}
        record(
            acting_user, "labels.submitted", submission, origin=str(origin), labels=len(answers), **details
        )
        return submission


def _from_the_desk(
    submission_id: UUID, tile: SegmentedTile, answers: Answers, acting_user: User
) -> Submission:
    if _has_labelled(acting_user, tile):
        raise Conflict(_("You have already labelled this tile; your first labels count."))
    progress = lock_progress(tile)
    assert progress is not None  # a whole tile
    now = timezone.now()
    claim = Claim.objects.filter(segmented_tile=tile, volunteer=acting_user).first()
    records = _locked_records(tile, acting_user.pk)
    volunteer = records[acting_user.pk]
    gold = GoldStandardTile.objects.filter(segmented_tile=tile).first()
    whole = {number: verdict for (number, fragment), (verdict, _name) in answers.items() if fragment == 0}
    compared, agreeing = agreement_with(claim.run, tile, whole) if claim and claim.run else (0, 0)
    submission = Submission.objects.create(
        id=submission_id,
        volunteer=acting_user,
        segmented_tile=tile,
        spare=_spare(volunteer, claim, progress, gold),
        served=claim.served if claim else "",
        seconds=(now - claim.created_at).total_seconds() if claim else None,
        run_id=claim.run_id if claim else None,
        blind=claim.blind if claim else False,
        compared=compared,
        agreeing=agreeing,
    )
    _keep(submission, answers)
    if claim is None:
        Claim.objects.create(
            segmented_tile=tile,
            volunteer=acting_user,
            state=ClaimState.DONE,
            created_at=now,
            until=now,
        )
    else:
        Claim.objects.filter(pk=claim.pk).update(state=ClaimState.DONE)
    if submission.spare == NotCounted.NO:
        refresh_tile(tile, set(answers), votes=_votes(tile), records=records, added={submission.pk})
    recount(progress)
    learn(volunteer, submission, whole, gold)
    return submission


def _keep(submission: Submission, answers: Answers) -> None:
    Label.objects.bulk_create(
        Label(
            submission=submission,
            segmented_tile_id=submission.segmented_tile_id,
            superpixel=superpixel,
            piece=fragment,
            verdict=verdict,
            look_alike=look_alike,
        )
        for (superpixel, fragment), (verdict, look_alike) in sorted(answers.items())
    )


def _spare(
    volunteer: VolunteerRecord, claim: Claim | None, progress: TileProgress, gold: GoldStandardTile | None
) -> str:
    """Whether labels that arrive now count. A tile is never labelled by more people than it wanted."""
    if volunteer.quarantined_at is not None:
        return NotCounted.QUARANTINE
    if tutorial_wanted(volunteer, progress.region_id):
        return NotCounted.TUTORIAL
    holds = claim is not None and claim.state == ClaimState.OPEN
    return NotCounted.NO if holds or gold is not None or progress.free > 0 else NotCounted.FULL


def _locked(segmented_tile: SegmentedTile) -> SegmentedTile:
    """The tile's row, held until the transaction ends, so that counts and consensus follow one another.

    SQLite has no row locks and needs none: its transactions take the write lock when they begin.
    """
    return (
        SegmentedTile.objects.select_related("tile")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=segmented_tile.pk)
    )


def _has_labelled(person: User, tile: SegmentedTile) -> bool:
    return (
        Submission.objects.standing()
        .filter(volunteer=person, segmented_tile=tile, origin=Origin.DESK)
        .exists()
    )


def _same_again(
    earlier: Submission, tile: SegmentedTile, answers: Answers, acting_user: User, origin: str
) -> Submission:
    """The submission that already has the id, when it says the same. Raises Conflict otherwise."""
    before = {
        (superpixel, fragment): (verdict, look_alike)
        for superpixel, fragment, verdict, look_alike in earlier.labels.values_list(
            "superpixel", "piece", "verdict", "look_alike"
        )
    }
    if (
        earlier.volunteer_id == acting_user.pk
        and earlier.segmented_tile_id == tile.pk
        and earlier.origin == origin
        and before == answers
    ):
        return earlier
    raise Conflict(_("Something else has already been sent under this number; nothing was changed."))


def _checked(labels: Collection[LabelInput], tile: SegmentedTile) -> Answers:
    """The labels by superpixel and fragment. Raises UserError with a sentence that names the first wrong one."""
    answers: Answers = {}
    if not labels:
        raise _wrong(_("There is no label in this submission: say something about at least one superpixel."))
    # Also those that are offered no more: the labels may have been made before, without a network.
    look_alikes = {row.slug for row in LookAlike.objects.listed()}
    for label in labels:
        superpixel, fragment, verdict = label["superpixel"], label.get("piece", 0), label["verdict"]
        look_alike = label.get("look_alike", "")
        if not 1 <= superpixel <= tile.superpixels:
            raise _wrong(
                _("Superpixel %(number)s does not exist: this tile has superpixels 1 to %(last)s.")
                % {"number": superpixel, "last": tile.superpixels}
            )
        if (superpixel, fragment) in answers:
            raise _wrong(_("Superpixel %(number)s is labelled twice.") % {"number": superpixel})
        if verdict not in LabelVerdict.values:
            raise _wrong(
                _("“%(verdict)s” is not a verdict: use %(choices)s.")
                % {"verdict": verdict, "choices": ", ".join(LabelVerdict.values)}
            )
        if look_alike and look_alike not in look_alikes:
            raise _wrong(
                _("“%(name)s” is not a look-alike: use %(choices)s.")
                % {"name": look_alike, "choices": ", ".join(LookAlike.objects.slugs())}
            )
        if look_alike and verdict != LabelVerdict.NOT_MINING:
            raise _wrong(
                _("Superpixel %(number)s: a look-alike goes with the verdict “not mining” only.")
                % {"number": superpixel}
            )
        answers[superpixel, fragment] = (verdict, look_alike)
    _check_fragments(answers, tile)
    return answers


def _check_fragments(answers: Answers, tile: SegmentedTile) -> None:
    """Fragments belong to a superpixel that is said to be mixed, and exist."""
    if not any(fragment for _number, fragment in answers):
        return
    counts = fragment_counts(tile)
    for (superpixel, fragment), (verdict, _look_alike) in answers.items():
        if fragment == 0:
            continue
        if answers.get((superpixel, 0), ("", ""))[0] != LabelVerdict.MIXED:
            raise _wrong(
                _("Superpixel %(number)s has labelled fragments: say that it is mixed.")
                % {"number": superpixel}
            )
        if not 0 < fragment <= counts[superpixel - 1]:
            raise _wrong(
                _("Superpixel %(number)s has no fragment %(piece)s: its fragments are 1 to %(last)s.")
                % {"number": superpixel, "piece": fragment, "last": counts[superpixel - 1]}
            )
        if verdict == LabelVerdict.MIXED:
            raise _wrong(
                _("Superpixel %(number)s: a fragment is not divided any further.") % {"number": superpixel}
            )


def _wrong(sentence: str) -> UserError:
    return UserError(sentence, fields={"labels": [sentence]})
