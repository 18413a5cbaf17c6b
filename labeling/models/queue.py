"""Which tiles want votes, who holds one at the moment, and the rules of a region's desk."""

import random

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from detection.models import Region, SegmentedTile


def anywhere() -> float:
    """A place in an order that nobody chose."""
    return random.random()  # noqa: S311 (no secret)


class DeskRulesQuerySet(models.QuerySet["DeskRules"]):
    def of_region(self, region_id: int) -> "DeskRules":
        """The region's rules; where no admin has set any, the defaults (an unsaved row)."""
        return self.filter(region=region_id).first() or DeskRules(region_id=region_id)


class DeskRules(models.Model):
    """How a region's tiles are served and when a superpixel has been asked often enough. An admin sets them."""

    region = models.OneToOneField(Region, on_delete=models.CASCADE, related_name="desk_rules")
    votes_at_least = models.PositiveSmallIntegerField(
        _("people asked about every tile"),
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_("There is no consensus with fewer."),
    )
    votes_at_most = models.PositiveSmallIntegerField(
        _("people asked about a disputed tile"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("What is still open after so many goes to an expert."),
    )
    retire_at = models.FloatField(
        _("probability at which consensus is reached"),
        default=0.95,
        validators=[MinValueValidator(0.5), MaxValueValidator(0.9999)],
    )
    lease_minutes = models.PositiveSmallIntegerField(
        _("minutes for which a tile is kept for a volunteer"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 60)],
        help_text=_("Activity renews it."),
    )
    known_share = models.FloatField(
        _("share of gold-standard tiles"),
        default=0.05,
        validators=[MinValueValidator(0), MaxValueValidator(0.5)],
        help_text=_("Mixed in invisibly, to see how well each volunteer does."),
    )
    blind_share = models.FloatField(
        _("share of tiles served without suggestions"),
        default=0.2,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text=_("So that the bias from suggestions can be measured."),
    )
    random_share = models.FloatField(
        _("share of tiles chosen at random"),
        default=0.1,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text=_("For an honest evaluation; the others are those that teach the classifier most."),
    )

    objects = DeskRulesQuerySet.as_manager()

    def __str__(self) -> str:
        return f"rules of {self.region}"


class TileProgress(models.Model):
    """One tile's place in the queue. `free` and `rank` follow from the others; actions keep them in step.

    votes: people whose labels of it count; claims: leases open on it; wanted: votes it should have in the end;
    free: what may still be handed out, max(0, wanted − votes − claims); rank: priority × votes still wanted,
    with places that were called for above all others.
    """

    segmented_tile = models.OneToOneField(SegmentedTile, on_delete=models.CASCADE, related_name="progress")
    region = models.ForeignKey(Region, on_delete=models.CASCADE)
    votes = models.PositiveSmallIntegerField(default=0)
    claims = models.PositiveSmallIntegerField(default=0)
    wanted = models.PositiveSmallIntegerField(default=2)
    free = models.PositiveSmallIntegerField(default=2)
    # Uncertainty of the active classifier × diversity, 0…1; 1 where no classifier has said anything.
    priority = models.FloatField(default=1)
    # An expert asked for eyes on this place, after a report for instance.
    called = models.BooleanField(default=False)
    rank = models.FloatField(default=2)
    # A place in a random order that never changes, for the random share.
    shuffle = models.FloatField(default=anywhere)
    escalated = models.PositiveSmallIntegerField(default=0, help_text="superpixels that wait for an expert")

    class Meta:
        indexes = [
            models.Index(
                fields=["region", "-rank", "segmented_tile"], name="next_by_rank", condition=Q(free__gt=0)
            ),
            models.Index(
                fields=["region", "-rank", "segmented_tile"],
                name="next_begun_by_rank",
                condition=Q(free__gt=0, votes__gt=0),
            ),
            models.Index(fields=["region", "shuffle"], name="next_at_random", condition=Q(free__gt=0)),
            models.Index(fields=["region"], name="waiting_for_an_expert", condition=Q(escalated__gt=0)),
        ]


class ClaimState(models.TextChoices):
    OPEN = "open", _("open")
    DONE = "done", _("labelled")
    RELEASED = "released", _("given back")
    LAPSED = "lapsed", _("run out")


class Served(models.TextChoices):
    """Why a tile came to a person."""

    QUEUE = "queue", _("next in the queue")
    RANDOM = "random", _("drawn at random")
    KNOWN = "known", _("gold standard")
    LINK = "link", _("by its address")


class Claim(models.Model):
    """A tile kept for one person until `until`. One row a person and tile, for ever: nobody gets a tile twice."""

    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.CASCADE, related_name="claims")
    volunteer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="claims")
    state = models.CharField(max_length=10, choices=ClaimState.choices, default=ClaimState.OPEN)
    served = models.CharField(max_length=8, choices=Served.choices, default=Served.QUEUE)
    created_at = models.DateTimeField()
    until = models.DateTimeField()
    # The run whose scores may be shown as suggestions, and whether this person is to see none.
    run = models.ForeignKey("detection.Run", null=True, on_delete=models.SET_NULL, related_name="+")
    blind = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["volunteer", "segmented_tile"], name="one_claim_per_person_and_tile"
            )
        ]
        indexes = [
            models.Index(fields=["until"], name="open_claims_by_time", condition=Q(state="open")),
            models.Index(fields=["volunteer"], name="open_claims_by_person", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.volunteer} on {self.segmented_tile} until {self.until:%H:%M}"


class GoldStandardUse(models.TextChoices):
    LESSON = "lesson", _("lesson of the tutorial")
    CHECK = "check", _("hidden check")


class GoldStandardTile(models.Model):
    """A gold-standard tile: its answers are known. It is never in the ordinary queue.

    answers: {"<superpixel>": {"verdict", "look_alike", "why": {"<language>": text}}}; superpixels that are left out
    are neither right nor wrong.
    """

    segmented_tile = models.OneToOneField(SegmentedTile, on_delete=models.CASCADE, related_name="known")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="known_tiles")
    use = models.CharField(max_length=8, choices=GoldStandardUse.choices)
    position = models.PositiveSmallIntegerField(default=0)
    answers = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["use", "position", "id"]
        db_table = "labeling_knowntile"  # the name that old databases know
        indexes = [models.Index(fields=["region", "use", "position"])]

    def __str__(self) -> str:
        return f"gold standard: {self.segmented_tile}"
