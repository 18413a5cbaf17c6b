"""What is known of a volunteer's work: the tutorial, how reliable it is, whether it counts."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class QuarantineReason(models.TextChoices):
    NONE = "", _("none")
    ONE_ANSWER = "one_answer", _("always the same answer")
    TOO_FAST = "too_fast", _("faster than anybody can look")
    FAILS_KNOWN = "fails_known", _("gold-standard tiles wrong too often")
    ADMIN = "admin", _("set by an admin")


class VolunteerRecord(models.Model):
    """One row a person who labels. Numbers only: how they are used is in labeling.crowd."""

    volunteer = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="record", primary_key=True
    )
    tutorial_passed_at = models.DateTimeField(null=True)
    lessons_passed = models.JSONField(default=list, help_text="ids of gold-standard tiles")
    # Expected counts of Dawid and Skene's model: rows what was true, columns what was said; mining, not mining,
    # mixed. Empty: nothing known yet.
    confusion = models.JSONField(default=list)
    # Answers on known-answer tiles: rows what was true, columns what was said; mining, not mining, mixed.
    known = models.JSONField(default=list)
    # Labels by verdict (mining, not mining, unsure, mixed), and the seconds of the latest tiles.
    said = models.JSONField(default=dict)
    recent_seconds = models.JSONField(default=list)
    quarantined_at = models.DateTimeField(null=True, db_index=True)
    quarantine_reason = models.CharField(
        max_length=16, choices=QuarantineReason.choices, default=QuarantineReason.NONE, blank=True
    )
    # An admin looked and let the person go on: the rules do not catch them again for what was before.
    trusted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"record of {self.volunteer}"


class CrowdState(models.Model):
    """What the last full computation of the consensus found for the whole crowd. One row."""

    class_shares = models.JSONField(default=list, help_text="of mining, not mining, mixed")
    labels = models.PositiveIntegerField(default=0)
    iterations = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    computed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"crowd at {self.computed_at:%Y-%m-%d %H:%M}"
