"""What a decision about many detections would contradict: experts, the crowd, the published map. Reads only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amberapp.errors import UserError
from amberapp.models import User
from detection.models import Detection
from labeling.models import CALLED_MINING, Consensus, LabelVerdict, Release, ReleaseKind, ReviewVerdict
from labeling.review.corrections import shown
from labeling.review.verdicts import ReviewStanding, approved_tiles, standings_of

# An approval contradicts volunteers where they call so much of its outline not mining.
MOST_OF_IT = 0.5


class Contradicts(UserError):
    """Nothing is written: `fields` names each detection that speaks against the decision, and why."""

    def __init__(self, contradictions: dict[int, list[str]], of: int) -> None:
        sentence = ngettext(
            "%(n)s of %(all)s contradicts what others have said: look at it and decide again.",
            "%(n)s of %(all)s contradict what others have said: look at them and decide again.",
            len(contradictions),
        ) % {"n": len(contradictions), "all": of}
        fields = {str(number): sentences for number, sentences in contradictions.items()}
        super().__init__(sentence, code="contradicts", status=409, fields=fields)


def contradictions(
    detections: Sequence[Detection], verdict: str, expert: User, seen: Mapping[int, int | None]
) -> dict[int, list[str]]:
    """Detection → why this verdict on it contradicts others, in sentences; those that contradict nobody are left out.

    `detections`: of one run or several, with their ground. What this expert has said already contradicts nobody, and
    what a colleague has decided since it was `seen` is refused by itself. Five queries for each run.
    """
    if verdict not in (ReviewVerdict.APPROVED, ReviewVerdict.REJECTED):
        return {}
    standings: dict[int, ReviewStanding] = {}
    by_run: dict[int, list[Detection]] = defaultdict(list)
    for one in detections:
        by_run[one.run_id].append(one)
    for some in by_run.values():
        standings |= standings_of(some)
    said = _said(detections)
    on_the_map = _on_the_map(detections) if verdict == ReviewVerdict.REJECTED else set()
    told = {}
    for one in detections:
        standing = standings.get(one.pk)
        if standing is not None and _is_settled(standing, verdict, expert, seen[one.pk]):
            continue
        numbers = shown(one, standing).superpixels
        labels = [said.get((one.segmented_tile_id, number)) for number in numbers]
        sentences = [
            *_colleagues(standing, verdict, expert),
            *(_against_rejection(labels) if verdict == ReviewVerdict.REJECTED else _against_approval(labels)),
        ]
        if one.pk in on_the_map:
            sentences.append(_("The published map shows it."))
        if sentences:
            told[one.pk] = sentences
    return told


def _is_settled(standing: ReviewStanding, verdict: str, expert: User, seen: int | None) -> bool:
    """Whether the decision changes nothing here, or comes too late to."""
    latest = standing.latest
    if latest is not None and latest.pk != seen and latest.expert_id != expert.pk:
        return True
    own = standing.review is not None and standing.review.expert_id == expert.pk
    return own and standing.verdict == verdict


def _colleagues(standing: ReviewStanding | None, verdict: str, expert: User) -> list[str]:
    if standing is None or standing.review is None or standing.review.expert_id == expert.pk:
        return []
    who = {"who": standing.review.expert.username}
    if verdict == ReviewVerdict.REJECTED and standing.verdict == ReviewVerdict.APPROVED:
        return [_("%(who)s has approved it.") % who]
    if verdict == ReviewVerdict.APPROVED and standing.verdict == ReviewVerdict.REJECTED:
        return [_("%(who)s has rejected it.") % who]
    return []


# What stands of a superpixel: (verdict, whether an expert has said so); None where nothing does.
Said = tuple[str, bool] | None


def _against_rejection(labels: Sequence[Said]) -> list[str]:
    by_experts = [by_expert for verdict, by_expert in filter(None, labels) if verdict in CALLED_MINING]
    experts, volunteers = sum(by_experts), len(by_experts) - sum(by_experts)
    sentences = []
    if experts:
        sentences.append(
            ngettext(
                "An expert calls %(n)s superpixel of it mining.",
                "Experts call %(n)s superpixels of it mining.",
                experts,
            )
            % {"n": experts}
        )
    if volunteers:
        sentences.append(
            ngettext(
                "Volunteers call %(n)s superpixel of it mining.",
                "Volunteers call %(n)s superpixels of it mining.",
                volunteers,
            )
            % {"n": volunteers}
        )
    return sentences


def _against_approval(labels: Sequence[Said]) -> list[str]:
    by_experts = [
        by_expert for verdict, by_expert in filter(None, labels) if verdict == LabelVerdict.NOT_MINING
    ]
    if sum(by_experts):
        sentence = ngettext(
            "An expert calls %(n)s superpixel of it not mining.",
            "Experts call %(n)s superpixels of it not mining.",
            sum(by_experts),
        )
        return [sentence % {"n": sum(by_experts)}]
    if len(by_experts) >= MOST_OF_IT * max(len(labels), 1):
        return [_("Volunteers call most of it not mining.")]
    return []


def _on_the_map(detections: Sequence[Detection]) -> set[int]:
    """Those on whose tile the region's latest release shows a place."""
    shown_tiles: set[int] = set()
    for region in {one.run.region_id for one in detections}:
        latest = (
            Release.objects.filter(region=region, kind=ReleaseKind.OWN)
            .select_related("restores")
            .order_by("-number")
            .first()
        )
        release = latest and (latest.restores or latest)
        if release is not None and release.run_id is not None:
            tiles = {one.segmented_tile.tile_id for one in detections}
            shown_tiles |= approved_tiles(release.run_id, tiles, release.created_at)
    return {one.pk for one in detections if one.segmented_tile.tile_id in shown_tiles}


def _said(detections: Sequence[Detection]) -> dict[tuple[int, int], tuple[str, bool]]:
    rows = Consensus.objects.filter(segmented_tile__in={one.segmented_tile_id for one in detections}, piece=0)
    return {
        (tile, superpixel): (verdict, by_expert)
        for tile, superpixel, verdict, by_expert in rows.values_list(
            "segmented_tile_id", "superpixel", "verdict", "by_expert"
        )
    }
