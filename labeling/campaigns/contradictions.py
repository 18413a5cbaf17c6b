"""Which ticked superpixels a campaign's decision would contradict: what experts, the crowd or approvals say of them."""

from collections.abc import Collection, Sequence

from django.utils.translation import ngettext

from amberapp.errors import UserError
from detection.look_alikes.search import SuperpixelRef
from labeling.models import CALLED_MINING, CampaignDecision, Consensus, LabelVerdict, Review, ReviewVerdict
from labeling.review.verdicts import by_ground, weigh


class CampaignContradicts(UserError):
    """Nothing is written: `against` speak against the decision and were not confirmed."""

    def __init__(self, against: Sequence[SuperpixelRef], of: int) -> None:
        self.against = against
        sentence = ngettext(
            "%(n)s of %(all)s ticked superpixels contradicts what experts, volunteers or approvals say. It is unticked "
            "now: tick it again to decide about it all the same.",
            "%(n)s of %(all)s ticked superpixels contradict what experts, volunteers or approvals say. They are unticked "
            "now: tick them again to decide about them all the same.",
            len(against),
        ) % {"n": len(against), "all": of}
        super().__init__(sentence, code="contradicts", status=409, fields={"tick": [sentence]})


def contradicting(places: Collection[SuperpixelRef], decision: str) -> list[SuperpixelRef]:
    """Those of the places, sorted: called mining, mixed or lying in an approved outline where the decision is that they are
    not; called not mining where it is that they are. Leaving out of training contradicts nobody. Two queries."""
    if decision == CampaignDecision.LABEL:
        wrong: tuple[str, ...] = CALLED_MINING
    elif decision == CampaignDecision.MINING:
        wrong = (LabelVerdict.NOT_MINING,)
    else:
        return []
    tiles = {tile for tile, _number in places}
    rows = Consensus.objects.filter(segmented_tile__in=tiles, piece=0, verdict__in=wrong)
    against = set(rows.values_list("segmented_tile_id", "superpixel"))
    if decision == CampaignDecision.LABEL:
        against |= approved_superpixels(tiles)
    return sorted(against & set(places))


def approved_superpixels(tiles: Collection[int]) -> set[SuperpixelRef]:
    """Of these segmented tiles those that lie in an outline that experts approve, corrected or not. One query."""
    approved: set[SuperpixelRef] = set()
    grounds = by_ground(Review.objects.filter(segmented_tile__in=tiles).order_by("id"))
    for (tile, superpixels), reviews in grounds.items():
        standing = weigh(reviews)
        if standing.verdict == ReviewVerdict.APPROVED and standing.review is not None:
            correction = standing.review.correction
            shown = superpixels if correction is None else correction["superpixels"]
            approved.update((tile, number) for number in shown)
    return approved
