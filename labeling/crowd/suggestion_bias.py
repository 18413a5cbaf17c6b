"""Do shown suggestions pull volunteers along? Agreement with the classifier where it was shown and where it was not.

The share of tiles that is served blind is drawn by chance, so a difference is the suggestions' doing. Reads only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import BigIntegerField, Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Cast

from labeling.desk.aggregation.proportions import newcombe, spread, wilson
from labeling.models import Consensus, Label, LabelVerdict, Origin, Submission

DECIDED = (LabelVerdict.MINING, LabelVerdict.NOT_MINING)


@dataclass
class Side:
    """Labels with suggestions shown, or without. `squares`, `products`, `agreeing_squares` are sums over the tiles
    that say how much the tiles differ: of compared², compared · agreeing, agreeing²."""

    tiles: int = 0
    compared: int = 0
    agreeing: int = 0
    squares: float = 0
    products: float = 0
    agreeing_squares: float = 0

    @property
    def share(self) -> float | None:
        return self.agreeing / self.compared if self.compared else None

    @property
    def worth(self) -> tuple[float, float]:
        """(agreeing, compared) as independent answers: superpixels of one tile are alike."""
        share = self.share or 0.0
        apart = self.agreeing_squares - 2 * share * self.products + share * share * self.squares
        return spread(self.agreeing, self.compared, self.tiles, max(0.0, apart))

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(*self.worth)

    def add(self, compared: int, agreeing: int) -> None:
        """Take in one tile of one person."""
        self.tiles += 1
        self.compared += compared
        self.agreeing += agreeing
        self.squares += compared * compared
        self.products += compared * agreeing
        self.agreeing_squares += agreeing * agreeing


@dataclass
class SuggestionBias:
    """One region: agreement with the classifier, and with what experts decided, shown and blind."""

    region: str
    shown: Side = field(default_factory=Side)
    blind: Side = field(default_factory=Side)
    shown_right: Side = field(default_factory=Side)
    blind_right: Side = field(default_factory=Side)

    @property
    def pull(self) -> float | None:
        """Agreement with the classifier, shown less blind, -1…1."""
        return _difference(self.shown, self.blind)

    @property
    def pull_interval(self) -> tuple[float, float]:
        return newcombe(self.shown.worth, self.blind.worth)

    @property
    def gain(self) -> float | None:
        """Agreement with experts, shown less blind: whether following the suggestions made labels better."""
        return _difference(self.shown_right, self.blind_right)

    @property
    def gain_interval(self) -> tuple[float, float]:
        return newcombe(self.shown_right.worth, self.blind_right.worth)


def suggestion_bias() -> list[SuggestionBias]:
    """The regions in which anything can be compared, by name. Two queries."""
    regions: dict[str, SuggestionBias] = {}
    for row in _with_the_classifier():
        one = regions.setdefault(row["region"], SuggestionBias(row["region"]))
        side = Side(
            row["tiles"],
            row["in_all"],
            row["same"],
            row["squares"],
            row["products"],
            row["same_squares"],
        )
        if row["blind"]:
            one.blind = side
        else:
            one.shown = side
    for region, blind, compared, agreeing in _with_experts():
        if region in regions:
            side = regions[region].blind_right if blind else regions[region].shown_right
            side.add(compared, agreeing)
    return [regions[name] for name in sorted(regions)]


def _with_the_classifier() -> Iterable[Any]:
    # Small integers multiplied are small integers to PostgreSQL, and 300 · 300 is none.
    compared, agreeing = Cast("compared", BigIntegerField()), Cast("agreeing", BigIntegerField())
    return (
        Submission.objects.standing()
        .filter(origin=Origin.DESK, run__isnull=False, compared__gt=0)
        .order_by()
        .values("blind", region=F("segmented_tile__tile__region__name"))
        .annotate(
            tiles=Count("pk"),
            in_all=Sum("compared"),
            same=Sum("agreeing"),
            squares=Sum(compared * compared),
            products=Sum(compared * agreeing),
            same_squares=Sum(agreeing * agreeing),
        )
    )


def _with_experts() -> list[tuple[str, bool, int, int]]:
    """(region, blind, compared, agreeing) of every person and tile on which an expert decided something too."""
    decided = Consensus.objects.filter(by_expert=True, piece=0, verdict__in=DECIDED)
    expert = decided.filter(
        segmented_tile=OuterRef("segmented_tile"), superpixel=OuterRef("superpixel")
    ).values("verdict")[:1]
    rows = (
        Label.objects.filter(
            segmented_tile__in=decided.order_by().values("segmented_tile"),
            piece=0,
            verdict__in=DECIDED,
            submission__origin=Origin.DESK,
            submission__withdrawn_at=None,
            submission__run__isnull=False,
        )
        .annotate(expert=Subquery(expert))
        .filter(expert__isnull=False)
        .order_by()
        .values_list("segmented_tile__tile__region__name", "submission__blind", "submission")
        .annotate(compared=Count("pk"), agreeing=Count("pk", filter=Q(verdict=F("expert"))))
    )
    return [(region, blind, compared, agreeing) for region, blind, _pk, compared, agreeing in rows]


def _difference(one: Side, other: Side) -> float | None:
    if one.share is None or other.share is None:
        return None
    return one.share - other.share
