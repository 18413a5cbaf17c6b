"""What the upper floor does when something happens on the floor below, which does not know of it."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from detection.models import SegmentedTile
from labeling.actions.queue import open_tile


@receiver(post_save, sender=SegmentedTile)
def offer_to_volunteers(
    sender: type[SegmentedTile], instance: SegmentedTile, created: bool, **_: Any
) -> None:
    """A tile that has just been cut joins the queue in the same transaction."""
    if created:
        open_tile(instance)
