"""What the detections were that a campaign's run removed and added, by what experts have said of their ground. Reads only.

What is honest here. A run removes outlines, not classes: nobody has looked at every one of them. So a detection gets a
class only from experts, and from what they say today:

- the campaign's own look-alike, where it labelled at least half of its superpixels and no review of that very ground is
  newer: who decided about the campaign has seen through the approval that stood before;
- else the verdict that stands on its very ground (a rejection's look-alike; an approval: it is mining, and removing it a loss);
- else, where experts have called at least half of its superpixels not mining (in reviews of other outlines, accepted
  reports and campaigns, this one above all), the look-alike that most of these have.

All others are “not judged”, and are told as that. Volunteers' votes are left out: that they take such ground for mining is
what a campaign is about. What was added is mostly not judged when the run ends, and gets its classes as experts review
it. Detections that are only drawn differently are neither removed nor added.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from detection.models import Detection
from detection.runs.diff import KINDS, DifferenceKind, kept_diff
from labeling.models import Campaign, CampaignDecision, Consensus, LabelVerdict, Review, ReviewVerdict
from labeling.review.verdicts import DISPUTED, Ground, by_ground, ground_of, weigh

# Beside the slugs of look-alikes.
MINING, WAITING, NOT_JUDGED = "mining", "waiting", ""
# SQLite takes so many values in one statement at the least.
AT_ONCE = 500


@dataclass(frozen=True)
class KindOfChange:
    """So many detections of one kind: a look-alike's slug, MINING, WAITING (for experts who do not agree) or NOT_JUDGED."""

    kind: str
    removed: int
    added: int


def kinds_of_change(campaign: Campaign) -> list[KindOfChange]:
    """Look-alikes first, those with most removed first, then what is no look-alike. Empty where the runs are not compared.

    Four queries for each AT_ONCE detections that were removed or added, one at the least.
    """
    then, now = campaign.run_before, campaign.run_after
    if then is None or now is None or not (then.has_ended and now.has_ended):
        return []
    diff = kept_diff(then, now)
    if diff is None:
        return []
    numbers = {
        kind: diff.rows[column][diff.rows["kind"] == KINDS.index(kind)].tolist()
        for kind, column in ((DifferenceKind.VANISHED, "then"), (DifferenceKind.APPEARED, "now"))
    }
    counted = {kind: Counter(_kinds(found, campaign)) for kind, found in numbers.items()}
    removed, added = counted[DifferenceKind.VANISHED], counted[DifferenceKind.APPEARED]
    last = (MINING, WAITING, NOT_JUDGED)
    changes = [KindOfChange(kind, removed[kind], added[kind]) for kind in {*removed, *added}]
    return sorted(
        changes,
        key=lambda one: (
            last.index(one.kind) + 1 if one.kind in last else 0,
            -one.removed,
            -one.added,
            one.kind,
        ),
    )


def _kinds(detections: Sequence[int], campaign: Campaign) -> Iterator[str]:
    """The kind of each of these detections."""
    numbers = iter(detections)
    decided = campaign.decided_at if campaign.withdrawn_at is None else None
    labelled = decided is not None and campaign.decision == CampaignDecision.LABEL and campaign.look_alike
    while some := list(islice(numbers, AT_ONCE)):
        rows = Detection.objects.filter(pk__in=some).order_by()
        grounds = [ground_of(*row) for row in rows.values_list("segmented_tile_id", "superpixels")]
        tiles = {tile for tile, _pieces in grounds}
        verdicts = _verdicts(tiles)
        superpixels = _expert_superpixels(tiles)
        own = _own_superpixels(campaign, tiles) if labelled else {}
        for ground in grounds:
            kind, at = verdicts.get(ground, (NOT_JUDGED, None))
            mine = own.get(ground[0], set()) & set(ground[1])
            if (
                decided is not None
                and 2 * len(mine) >= len(ground[1])
                and mine
                and (at is None or at <= decided)
            ):
                yield campaign.look_alike
            else:
                yield kind or _by_superpixels(ground, superpixels[ground[0]])


def _own_superpixels(campaign: Campaign, tiles: Iterable[int]) -> dict[int, set[int]]:
    """{segmented tile: superpixels} of these tiles that the campaign has labelled."""
    superpixels: dict[int, set[int]] = defaultdict(set)
    members = campaign.members.filter(segmented_tile__in=tiles).order_by()
    for tile, superpixel in members.values_list("segmented_tile_id", "superpixel"):
        superpixels[tile].add(superpixel)
    return superpixels


def _verdicts(tiles: Iterable[int]) -> dict[Ground, tuple[str, dt.datetime]]:
    """Of every ground of these tiles on which a verdict stands: its kind, and when the latest word was said."""
    kinds = {}
    for ground, rows in by_ground(Review.objects.filter(segmented_tile__in=tiles).order_by("id")).items():
        standing, latest = weigh(rows), rows[-1].created_at
        if standing.verdict == ReviewVerdict.APPROVED:
            kinds[ground] = (MINING, latest)
        elif standing.verdict == ReviewVerdict.REJECTED and standing.review is not None:
            kinds[ground] = (standing.review.look_alike, latest)
        elif standing.verdict in (ReviewVerdict.SECOND, DISPUTED):
            kinds[ground] = (WAITING, latest)
    return kinds


def _expert_superpixels(tiles: Iterable[int]) -> dict[int, dict[int, str]]:
    """{segmented tile: {superpixel: look-alike}} of what experts have called not mining and said what it is."""
    superpixels: dict[int, dict[int, str]] = defaultdict(dict)
    rows = Consensus.objects.filter(
        segmented_tile__in=tiles, piece=0, by_expert=True, verdict=LabelVerdict.NOT_MINING
    ).exclude(look_alike="")
    for tile, superpixel, look_alike in rows.values_list("segmented_tile_id", "superpixel", "look_alike"):
        superpixels[tile][superpixel] = look_alike
    return superpixels


def _by_superpixels(ground: Ground, known: dict[int, str]) -> str:
    _tile, superpixels = ground
    named = Counter(known[number] for number in superpixels if number in known)
    if 2 * sum(named.values()) < len(superpixels) or not named:
        return NOT_JUDGED
    return min(named, key=lambda kind: (-named[kind], kind))
