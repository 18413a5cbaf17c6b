"""Making tiles known: lessons of the tutorial and checks that are mixed in, from what experts and crowds are sure of.

A gold-standard tile is not in the ordinary queue; taking it off the list gives it back. Every change counts the tile's votes
again, because known answers are taken as true. Left out: serving checks (labeling.desk.queue) and the tutorial
itself (labeling.crowd.tutorial).
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.audit import record
from amberapp.errors import Conflict, NotThere, UserError
from amberapp.models import User
from detection.models import Region, SegmentedTile, TileKind
from detection.segmentation.svg import svg_path
from labeling.desk.consensus import lock_records, refresh_tile
from labeling.desk.queue_state import lock_progress, recount
from labeling.models import (
    Consensus,
    ConsensusState,
    GoldStandardTile,
    GoldStandardUse,
    Label,
    LabelVerdict,
    LookAlike,
    Origin,
    Submission,
)

# A crowd is taken at its word from here on.
SURE = 0.99
WHY_LENGTH = 200
ANSWERS = (LabelVerdict.MINING, LabelVerdict.NOT_MINING)

Answers = dict[str, dict[str, Any]]


def sure_of(tiles: QuerySet[Consensus] | None = None) -> QuerySet[Consensus]:
    """What may become a known answer: decided by an expert, or settled by volunteers beyond doubt."""
    rows = Consensus.objects.all() if tiles is None else tiles
    settled = Q(state=ConsensusState.RETIRED, posterior__gte=SURE)
    return rows.filter(Q(by_expert=True) | settled, piece=0, verdict__in=ANSWERS)


@dataclass(frozen=True)
class GoldStandardCandidate:
    """A tile that could become known: how many of its superpixels are sure, and how many experts decided."""

    segmented_tile: SegmentedTile
    mining: int
    not_mining: int
    by_expert: int


def candidates(*, region: Region, most: int = 12) -> list[GoldStandardCandidate]:
    """The tiles of a region with the most sure superpixels, those that show both classes first. Two queries."""
    gold = GoldStandardTile.objects.filter(segmented_tile=OuterRef("segmented_tile"))
    rows = list(
        sure_of(Consensus.objects.filter(segmented_tile__tile__region=region))
        .exclude(Exists(gold))
        .filter(segmented_tile__tile__kind=TileKind.TILE)
        .order_by()
        .values("segmented_tile")
        .annotate(
            mining=Count("pk", filter=Q(verdict=LabelVerdict.MINING)),
            not_mining=Count("pk", filter=Q(verdict=LabelVerdict.NOT_MINING)),
            by_expert=Count("pk", filter=Q(by_expert=True)),
            sure=Count("pk"),
            one_sided=Case(When(mining__gt=0, not_mining__gt=0, then=Value(0)), default=Value(1)),
        )
        .order_by("one_sided", "-by_expert", "-sure", "segmented_tile")[:most]
    )
    tiles = SegmentedTile.objects.select_related("tile").in_bulk([row["segmented_tile"] for row in rows])
    return [
        GoldStandardCandidate(
            tiles[row["segmented_tile"]], row["mining"], row["not_mining"], row["by_expert"]
        )
        for row in rows
    ]


def gold_standard_tile(known_id: int) -> GoldStandardTile:
    """Raises NotThere."""
    tile = (
        GoldStandardTile.objects.select_related("segmented_tile__tile", "region", "created_by")
        .filter(pk=known_id)
        .first()
        if known_id < 2**63
        else None
    )
    if tile is None:
        raise NotThere(_("There is no gold-standard tile %(number)s.") % {"number": known_id})
    return tile


# Changing ------------------------------------------------------------------------------------------------------------


def make_gold_standard(
    *,
    segmented_tile: SegmentedTile,
    use: str,
    acting_user: User | None,
    answers: Mapping[int, Mapping[str, Any]] | None = None,
) -> GoldStandardTile:
    """Take a tile out of the queue and know its answers from now on, as the last of its kind in the region.

    Without `answers` ({superpixel: {"verdict", "look_alike", "why"}}) they are what is sure of the tile now. Raises
    Conflict when it is known already, UserError when nothing is sure or the answers do not fit the tile.
    """
    _check_use(use)
    if segmented_tile.tile.kind != TileKind.TILE:
        raise UserError(_("Only whole tiles can be gold-standard tiles."))
    with transaction.atomic():
        tile = _locked(segmented_tile)
        if GoldStandardTile.objects.filter(segmented_tile=tile).exists():
            raise Conflict(_("This tile is a gold-standard tile already."))
        given = _given(answers, tile) if answers is not None else _from_consensus(tile)
        if not given:
            raise UserError(
                _(
                    "Nothing about this tile is sure yet: label it as an expert first, then make it a "
                    "gold-standard tile."
                )
            )
        region = tile.tile.region
        gold = GoldStandardTile.objects.create(
            segmented_tile=tile,
            region=region,
            use=use,
            position=GoldStandardTile.objects.filter(region=region, use=use).count(),
            answers=given,
            created_by=acting_user,
        )
        _count_again(tile, given)
        record(acting_user, "known_tile.made", gold, use=use, answers=len(given))
    return gold


def set_use(*, known: GoldStandardTile, use: str, acting_user: User) -> GoldStandardTile:
    """Make a lesson a check or the other way round; it goes to the end of the new list."""
    _check_use(use)
    with transaction.atomic():
        row = _held(known)
        if row.use == use:
            return row
        before, row.use = row.use, use
        row.position = GoldStandardTile.objects.filter(region=row.region_id, use=use).count()
        row.save(update_fields=["use", "position"])
        record(acting_user, "known_tile.use_changed", row, before=before, use=use)
    return row


def move(*, known: GoldStandardTile, up: bool, acting_user: User) -> GoldStandardTile:
    """One place up or down among those of its use in the region. At the end of the list nothing happens."""
    with transaction.atomic():
        # All of the region's by rising number: two who move tiles of one list at once follow one another.
        everywhere = GoldStandardTile.objects.select_for_update().filter(region=known.region_id)
        held = {one.pk: one for one in everywhere.order_by("pk")}
        if known.pk not in held:
            raise _known_no_more()
        row = held[known.pk]
        rows = sorted(
            (one for one in held.values() if one.use == row.use), key=lambda one: (one.position, one.pk)
        )
        place = next(index for index, one in enumerate(rows) if one.pk == row.pk)
        other = place - 1 if up else place + 1
        if not 0 <= other < len(rows):
            return row
        rows[place], rows[other] = rows[other], rows[place]
        for position, one in enumerate(rows):
            one.position = position
        GoldStandardTile.objects.bulk_update(rows, ["position"])
        record(acting_user, "known_tile.moved", row, to=other + 1)
        row.refresh_from_db(fields=["position"])
    return row


def explain(
    *, known: GoldStandardTile, texts: Mapping[int, Mapping[str, str]], acting_user: User
) -> GoldStandardTile:
    """Set why the answers are what they are: superpixel → language → sentence; an empty one goes back to the hint.

    Superpixels that have no known answer are passed over. Raises UserError for a text that is too long.
    """
    codes = [code for code, _language in settings.LANGUAGES]
    with transaction.atomic():
        row = _held(known)
        answers: Answers = {number: dict(answer) for number, answer in row.answers.items()}
        changed = 0
        for number, sentences in texts.items():
            answer = answers.get(str(number))
            if answer is None:
                continue
            why = {code: " ".join(sentences.get(code, "").replace("\0", "").split()) for code in codes}
            if any(len(text) > WHY_LENGTH for text in why.values()):
                raise UserError(_("A reason has at most %(most)s characters.") % {"most": WHY_LENGTH})
            why = {code: text for code, text in why.items() if text}
            if why != (answer.get("why") or {}):
                answer["why"] = why
                changed += 1
        if changed:
            row.answers = answers
            row.save(update_fields=["answers"])
            record(acting_user, "known_tile.explained", row, superpixels=changed)
    return row


def take_off(*, known: GoldStandardTile, acting_user: User) -> SegmentedTile:
    """Know it no longer: the tile goes back into the queue, and votes alone say what it shows. Its answers stay in
    the audit trail. Raises NotThere when somebody else has done so already."""
    with transaction.atomic():
        tile = _locked(known.segmented_tile)
        row = _held(known)
        record(acting_user, "known_tile.taken_off", row, use=row.use, answers=row.answers)
        answers = row.answers
        row.delete()
        _count_again(tile, answers)
    return tile


def _check_use(use: str) -> None:
    if use not in GoldStandardUse.values:
        sentence = _("Choose whether it is a lesson or a check.")
        raise UserError(sentence, fields={"use": [sentence]})


def _locked(segmented_tile: SegmentedTile) -> SegmentedTile:
    """Held before everything else, as whoever takes in labels does."""
    return (
        SegmentedTile.objects.select_related("tile__region")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=segmented_tile.pk)
    )


def _held(known: GoldStandardTile) -> GoldStandardTile:
    row = GoldStandardTile.objects.select_for_update().filter(pk=known.pk).first()
    if row is None:
        raise _known_no_more()
    return row


def _known_no_more() -> NotThere:
    return NotThere(_("This tile is not a gold-standard tile any more."))


def _count_again(tile: SegmentedTile, answers: Mapping[str, Any]) -> None:
    """Consensus and queue of a held tile after its known answers came or went."""
    progress = lock_progress(tile)
    desk = Submission.objects.filter(segmented_tile=tile, origin=Origin.DESK)
    refresh_tile(
        tile,
        {(int(number), 0) for number in answers},
        votes=desk.counting().count(),
        records=lock_records(desk.values_list("volunteer_id", flat=True)),
    )
    if progress is not None:
        recount(progress)


def _from_consensus(tile: SegmentedTile) -> Answers:
    return {
        str(row.superpixel): {"verdict": row.verdict, "look_alike": row.look_alike, "why": {}}
        for row in sure_of(Consensus.objects.filter(segmented_tile=tile)).order_by("superpixel")
    }


def _given(answers: Mapping[int, Mapping[str, Any]], tile: SegmentedTile) -> Answers:
    offered = set(LookAlike.objects.slugs())
    checked: Answers = {}
    for number, answer in sorted(answers.items()):
        verdict, look_alike = answer["verdict"], answer.get("look_alike", "")
        if not 1 <= number <= tile.superpixels or verdict not in ANSWERS:
            raise UserError(_("Superpixel %(number)s cannot have this answer.") % {"number": number})
        if look_alike and (verdict != LabelVerdict.NOT_MINING or look_alike not in offered):
            raise UserError(_("“%(name)s” is not a look-alike that fits.") % {"name": look_alike})
        checked[str(number)] = {
            "verdict": str(verdict),
            "look_alike": look_alike,
            "why": dict(answer.get("why", {})),
        }
    return checked


# Reading -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GoldStandardResult:
    """How volunteers do on one gold-standard tile: decided labels of its known superpixels, and those that are right."""

    people: int
    right: int
    asked: int

    @property
    def share(self) -> float | None:
        return self.right / self.asked if self.asked else None


def gold_standard_results(known: list[GoldStandardTile]) -> dict[int, GoldStandardResult]:
    """By gold-standard tile's id. Desk labels that stand, those that do not count too: quarantine is no reason to look away. Two queries."""
    by_tile = {row.segmented_tile_id: row for row in known}
    counts = (
        Label.objects.filter(
            segmented_tile__in=by_tile,
            piece=0,
            verdict__in=ANSWERS,
            submission__origin=Origin.DESK,
            submission__withdrawn_at=None,
        )
        .order_by()
        .values_list("segmented_tile", "superpixel", "verdict")
        .annotate(labels=Count("pk"))
    )
    right: dict[int, int] = defaultdict(int)
    answered: dict[int, int] = defaultdict(int)
    for tile, superpixel, verdict, labels in counts:
        answer = by_tile[tile].answers.get(str(superpixel))
        if answer is None:
            continue
        answered[tile] += labels
        if answer["verdict"] == verdict:
            right[tile] += labels
    people = dict(
        Submission.objects.standing()
        .filter(segmented_tile__in=by_tile, origin=Origin.DESK)
        .order_by()
        .values_list("segmented_tile")
        .annotate(Count("volunteer", distinct=True))
    )
    return {
        row.pk: GoldStandardResult(people.get(tile, 0), right[tile], answered[tile])
        for tile, row in by_tile.items()
    }


@dataclass(frozen=True)
class AnswerGroup:
    """Superpixels of a gold-standard tile with the same answer and the same reason, told of together."""

    verdict: str
    look_alike: str
    why: dict[str, str]
    superpixels: list[int]


def groups_of(known: GoldStandardTile) -> list[AnswerGroup]:
    """The answers as few groups, mining first."""
    groups: dict[tuple[Any, ...], AnswerGroup] = {}
    for number, answer in sorted(known.answers.items(), key=lambda item: int(item[0])):
        why = answer.get("why") or {}
        key = (answer["verdict"], answer.get("look_alike", ""), tuple(sorted(why.items())))
        group = groups.setdefault(key, AnswerGroup(key[0], key[1], dict(why), []))
        group.superpixels.append(int(number))
    return sorted(groups.values(), key=lambda group: (group.verdict, group.look_alike, group.superpixels))


@dataclass(frozen=True)
class AnsweredSuperpixel:
    """One known superpixel on the picture: an SVG path in the tile's pixels and where its number stands."""

    number: int
    verdict: str
    path: str
    x: str
    y: str


def pictured(known: GoldStandardTile) -> list[AnsweredSuperpixel]:
    """The known superpixels as the stored outlines draw them."""
    outlines = json.loads(storage.get(known.segmented_tile.outlines_key))["pieces"]
    superpixels = []
    for number, answer in sorted(known.answers.items(), key=lambda item: int(item[0])):
        rings = outlines[int(number) - 1]
        across, down = zip(*rings[0], strict=True)
        superpixels.append(
            AnsweredSuperpixel(
                int(number),
                answer["verdict"],
                svg_path(rings),
                f"{(min(across) + max(across)) / 2:.1f}",
                f"{(min(down) + max(down)) / 2:.1f}",
            )
        )
    return superpixels
