"""Labels and what they jointly say."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from detection.models import SegmentedTile


class LabelVerdict(models.TextChoices):
    MINING = "mining", _("Mining")
    NOT_MINING = "not_mining", _("Not mining")
    UNSURE = "unsure", _("Unsure")
    # Of a whole superpixel only: it holds both, and its fragments are labelled one by one.
    MIXED = "mixed", _("Mixed")


# What says that at least some of a superpixel is mining.
CALLED_MINING = (LabelVerdict.MINING, LabelVerdict.MIXED)


class Origin(models.TextChoices):
    """Through which door labels came; an expert's decision settles a superpixel."""

    DESK = "desk", _("labelling desk")
    IMPORT = "import", _("import")
    REVIEW = "review", _("expert review")
    REPORT = "report", _("accepted report")
    CAMPAIGN = "campaign", _("campaign")


class NotCounted(models.TextChoices):
    """Why labels that are kept do not count (for now)."""

    NO = "", _("they count")
    FULL = "full", _("enough people had labelled the tile by then")
    TUTORIAL = "tutorial", _("made before the tutorial was passed")
    QUARANTINE = "quarantine", _("the account is in quarantine")


class SubmissionQuerySet(models.QuerySet):
    def standing(self) -> Self:
        """Submissions that have not been taken back, whether they count or are spare."""
        return self.filter(withdrawn_at__isnull=True)

    def counting(self) -> Self:
        """Submissions that stand and count."""
        return self.filter(withdrawn_at__isnull=True, spare=NotCounted.NO)


class Submission(models.Model):
    """What one person said about one tile in one go. The client makes the id, so sending twice is safe."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    volunteer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="submissions"
    )
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.PROTECT, related_name="submissions")
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.DESK)
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)
    spare = models.CharField(max_length=12, choices=NotCounted.choices, default=NotCounted.NO, blank=True)
    # How the tile came to this person; copied from the claim, so that it stays when the claim is gone.
    served = models.CharField(max_length=8, blank=True)
    seconds = models.FloatField(null=True, help_text="from being served to arriving here")
    # The classifier's opinion at that time, whether it was shown (blind: it was not), and how far they agree.
    run = models.ForeignKey("detection.Run", null=True, on_delete=models.SET_NULL, related_name="+")
    blind = models.BooleanField(default=False)
    compared = models.PositiveSmallIntegerField(default=0)
    agreeing = models.PositiveSmallIntegerField(default=0)

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["volunteer", "segmented_tile"],
                condition=Q(origin="desk", withdrawn_at__isnull=True),
                name="one_desk_submission_per_person_and_tile",
            )
        ]
        indexes = [models.Index(fields=["volunteer", "created_at"])]

    def __str__(self) -> str:
        return f"{self.volunteer} on {self.segmented_tile}"


class Label(models.Model):
    """One person's verdict on one superpixel. Never deleted."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="labels")
    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.PROTECT, related_name="labels")
    superpixel = models.PositiveIntegerField()
    # 0 is the whole superpixel; 1… are its fragments (detection.segmentation.split), after the verdict “mixed”.
    piece = models.PositiveSmallIntegerField(default=0)
    verdict = models.CharField(max_length=12, choices=LabelVerdict.choices)
    look_alike = models.CharField(max_length=24, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission", "superpixel", "piece"], name="one_label_per_piece")
        ]
        indexes = [models.Index(fields=["segmented_tile", "superpixel"])]


class ConsensusState(models.TextChoices):
    """Whether a superpixel still wants votes."""

    OPEN = "open", _("open")
    RETIRED = "retired", _("consensus of volunteers")
    ESCALATED = "escalated", _("waiting for an expert")
    DECIDED = "decided", _("decided by an expert")


class Consensus(models.Model):
    """What the counting labels of one superpixel jointly say. Can be computed again at any time.

    `verdict` is the class with the highest posterior of Dawid and Skene's model (“unsure” where none stands out),
    `posterior` its probability; `majority` is the plain majority beside it.
    """

    segmented_tile = models.ForeignKey(SegmentedTile, on_delete=models.CASCADE, related_name="consensus")
    superpixel = models.PositiveIntegerField()
    piece = models.PositiveSmallIntegerField(default=0)
    verdict = models.CharField(max_length=12, choices=LabelVerdict.choices)
    posterior = models.FloatField(default=0)
    # The whole posterior, so that one new vote can be taken in without reading anything else.
    probabilities = models.JSONField(default=list, help_text="of mining, not mining, mixed")
    majority = models.CharField(max_length=12, choices=LabelVerdict.choices, blank=True)
    look_alike = models.CharField(max_length=24, blank=True)
    votes = models.PositiveIntegerField()
    agreeing = models.PositiveIntegerField()
    by_expert = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=ConsensusState.choices, default=ConsensusState.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segmented_tile", "superpixel", "piece"], name="one_consensus_per_piece"
            )
        ]
        indexes = [
            models.Index(
                fields=["segmented_tile"], name="escalated_superpixels", condition=Q(state="escalated")
            )
        ]
