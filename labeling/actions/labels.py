"""Taking in what people say about a tile, and taking it back.

Every change of labels goes through here, so that labels, consensus, the tile's count of votes and the audit
never disagree: they are written in one transaction, one tile at a time.
"""

from collections.abc import Collection, Iterable
from typing import NotRequired, TypedDict
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from amberapp.audit import record
from amberapp.errors import Conflict, NotAllowed, NotThere, UserError
from amberapp.models import Role, User
from detection.models import SegmentedTile, TileKind
from labeling.consensus import Vote, majority
from labeling.models import Consensus, Label, LookAlike, Origin, Submission, TileProgress, Verdict

EXPERT_ORIGINS = (Origin.REVIEW, Origin.REPORT)


class LabelInput(TypedDict):
    """One superpixel's label as a door hands it in; `verdict` and `look_alike` are the models' values."""

    superpixel: int
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
    meanwhile. Raises Conflict when the id already stands for something else or when this person's labels of the
    tile are already there, UserError when the labels do not fit the tile.
    """
    said = _checked(labels, segmented_tile)
    if origin == Origin.DESK and segmented_tile.tile.kind != TileKind.TILE:
        raise UserError(_("Only whole tiles are labelled at the desk; a crop brings its label with it."))
    try:
        return _write(submission_id, segmented_tile, said, acting_user, origin)
    except IntegrityError:
        # Two requests with one id for different tiles hold different locks; the slower one ends here.
        known = Submission.objects.filter(pk=submission_id).first()
        if known is None:
            raise
        return _same_again(known, segmented_tile, said, acting_user, origin)


def expert_labels(
    *, segmented_tile: SegmentedTile, labels: Collection[LabelInput], acting_user: User, origin: str
) -> Submission:
    """Keep an expert's decision from a review or an accepted report: it settles the consensus.

    Call it inside the transaction of the decision itself. Raises NotAllowed for anybody but an expert.
    """
    if origin not in EXPERT_ORIGINS:
        raise ValueError(f"an expert's decision comes from a review or a report, not from {origin!r}")
    if not acting_user.has_role(Role.EXPERT):
        raise NotAllowed(_("Only an expert's decision settles a superpixel."))
    return submit_labels(
        submission_id=uuid4(),
        segmented_tile=segmented_tile,
        labels=labels,
        acting_user=acting_user,
        origin=origin,
    )


def withdraw_submission(*, submission_id: UUID, acting_user: User) -> Submission:
    """Take back one's own submission: it stays on record, stops counting, and the tile is open to one again.

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
        changed = Submission.objects.counting().filter(pk=submission_id).update(withdrawn_at=timezone.now())
        if changed:
            touched = list(submission.labels.values_list("superpixel", flat=True))
            _count_votes(tile)
            refresh_consensus(tile, touched)
            record(acting_user, "labels.withdrawn", submission, labels=len(touched))
        submission.refresh_from_db(fields=["withdrawn_at"])
        return submission


def refresh_consensus(segmented_tile: SegmentedTile, superpixels: Iterable[int] | None = None) -> None:
    """Compute the consensus of a tile again, of some superpixels or (None) of all, from the counting labels."""
    labels = Label.objects.filter(segmented_tile=segmented_tile, submission__withdrawn_at__isnull=True)
    known = Consensus.objects.filter(segmented_tile=segmented_tile)
    if superpixels is not None:
        numbers = set(superpixels)
        labels = labels.filter(superpixel__in=numbers)
        known = known.filter(superpixel__in=numbers)
    outcomes = majority(
        Vote(
            superpixel=superpixel,
            voter=voter,
            verdict=verdict,
            order=order,
            look_alike=look_alike,
            expert=origin in EXPERT_ORIGINS,
        )
        for superpixel, voter, verdict, look_alike, order, origin in labels.values_list(
            "superpixel", "submission__volunteer_id", "verdict", "look_alike", "id", "submission__origin"
        )
    )
    with transaction.atomic():
        known.exclude(superpixel__in=outcomes).delete()
        Consensus.objects.bulk_create(
            [
                Consensus(
                    segmented_tile=segmented_tile,
                    superpixel=superpixel,
                    verdict=outcome.verdict,
                    look_alike=outcome.look_alike,
                    votes=outcome.votes,
                    agreeing=outcome.agreeing,
                    by_expert=outcome.by_expert,
                )
                for superpixel, outcome in outcomes.items()
            ],
            update_conflicts=True,
            unique_fields=["segmented_tile", "superpixel"],
            update_fields=["verdict", "look_alike", "votes", "agreeing", "by_expert"],
        )


Said = dict[int, tuple[str, str]]


def _write(
    submission_id: UUID, segmented_tile: SegmentedTile, said: Said, acting_user: User, origin: str
) -> Submission:
    with transaction.atomic():
        tile = _locked(segmented_tile)
        known = Submission.objects.filter(pk=submission_id).first()
        if known is not None:
            return _same_again(known, tile, said, acting_user, origin)
        if origin == Origin.DESK and _has_labelled(acting_user, tile):
            raise Conflict(_("You have already labelled this tile; your first labels count."))
        submission = Submission.objects.create(
            id=submission_id, volunteer=acting_user, segmented_tile=tile, origin=origin
        )
        Label.objects.bulk_create(
            Label(
                submission=submission,
                segmented_tile=tile,
                superpixel=superpixel,
                verdict=verdict,
                look_alike=look_alike,
            )
            for superpixel, (verdict, look_alike) in sorted(said.items())
        )
        if origin == Origin.DESK:
            _count_votes(tile)
        refresh_consensus(tile, said)
        record(acting_user, "labels.submitted", submission, origin=str(origin), labels=len(said))
        return submission


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
        Submission.objects.counting()
        .filter(volunteer=person, segmented_tile=tile, origin=Origin.DESK)
        .exists()
    )


def _count_votes(tile: SegmentedTile) -> None:
    votes = Submission.objects.counting().filter(segmented_tile=tile, origin=Origin.DESK).count()
    if not TileProgress.objects.filter(segmented_tile=tile).update(votes=votes):
        TileProgress.objects.create(segmented_tile=tile, region_id=tile.tile.region_id, votes=votes)


def _same_again(
    known: Submission, tile: SegmentedTile, said: Said, acting_user: User, origin: str
) -> Submission:
    """The submission that already has the id, when it says the same. Raises Conflict otherwise."""
    before = {
        superpixel: (verdict, look_alike)
        for superpixel, verdict, look_alike in known.labels.values_list("superpixel", "verdict", "look_alike")
    }
    if (
        known.volunteer_id == acting_user.pk
        and known.segmented_tile_id == tile.pk
        and known.origin == origin
        and before == said
    ):
        return known
    raise Conflict(_("Something else has already been sent under this number; nothing was changed."))


def _checked(labels: Collection[LabelInput], tile: SegmentedTile) -> Said:
    """The labels by superpixel. Raises UserError with a sentence that names the first wrong one."""
    said: Said = {}
    if not labels:
        raise _wrong(_("There is no label in this submission: say something about at least one superpixel."))
    for label in labels:
        superpixel, verdict = label["superpixel"], label["verdict"]
        look_alike = label.get("look_alike", "")
        if not 1 <= superpixel <= tile.superpixels:
            raise _wrong(
                _("Superpixel %(number)s does not exist: this tile has superpixels 1 to %(last)s.")
                % {"number": superpixel, "last": tile.superpixels}
            )
        if superpixel in said:
            raise _wrong(_("Superpixel %(number)s is labelled twice.") % {"number": superpixel})
        if verdict not in Verdict.values:
            raise _wrong(
                _("“%(verdict)s” is not a verdict: use %(choices)s.")
                % {"verdict": verdict, "choices": ", ".join(Verdict.values)}
            )
        if look_alike and look_alike not in LookAlike.values:
            raise _wrong(
                _("“%(name)s” is not a look-alike: use %(choices)s.")
                % {"name": look_alike, "choices": ", ".join(LookAlike.values)}
            )
        if look_alike and verdict != Verdict.NOT_MINING:
            raise _wrong(
                _("Superpixel %(number)s: a look-alike goes with the verdict “not mining” only.")
                % {"number": superpixel}
            )
        said[superpixel] = (verdict, look_alike)
    return said


def _wrong(sentence: str) -> UserError:
    return UserError(sentence, fields={"labels": [sentence]})
