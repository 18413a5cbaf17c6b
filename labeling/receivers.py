"""What the upper floor does when something happens on the floor below, which does not know of it."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from detection.models import Classifier, Run, SegmentedTile
from detection.signals import classifier_activated, run_finished
from labeling.actions.counting import open_tile
from labeling.actions.priority import request_ranking


@receiver(post_save, sender=SegmentedTile)
def offer_to_volunteers(
    sender: type[SegmentedTile], instance: SegmentedTile, created: bool, **_: Any
) -> None:
    """A tile that has just been cut joins the queue in the same transaction."""
    if created:
        open_tile(instance)


@receiver(run_finished)
def rank_by_run(sender: type[Run], run: Run, **_: Any) -> None:
    """What the active classifier has just said orders the queue; a run of another classifier orders nothing."""
    if run.region.active_classifier_id == run.classifier_id:
        request_ranking(run.region_id)


@receiver(classifier_activated)
def rank_by_classifier(sender: type[Classifier], classifier: Classifier, **_: Any) -> None:
    """A classifier that has searched the region before orders the queue again as soon as it is active."""
    request_ranking(classifier.region_id)
