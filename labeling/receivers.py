"""What the upper floor does when something happens on the floor below, which does not know of it."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from amberapp import storage
from amberapp.signals import swept
from detection.models import Classifier, ImagerySource, Run, SegmentedTile
from detection.signals import classifier_activated, run_finished
from labeling.campaigns.round import request_effect
from labeling.desk.priority import request_ranking
from labeling.desk.queue_state import open_tile
from labeling.releases.catalogue import KEY, rebuild_if_stale, write_catalogue
from labeling.reports.retention import forget_now_and_again
from labeling.training.upgrade import finish_upgrade


@receiver(post_save, sender=SegmentedTile)
def offer_to_volunteers(
    sender: type[SegmentedTile], instance: SegmentedTile, created: bool, **_: Any
) -> None:
    """A tile that has just been cut joins the queue in the same transaction."""
    if created:
        open_tile(instance)


@receiver(run_finished)
def put_upgrade_in_use(sender: type[Run], run: Run, **_: Any) -> None:
    """The region has been read with the features of an upgrade: its classifier becomes the active one."""
    finish_upgrade(run)


@receiver(run_finished)
def rank_by_run(sender: type[Run], run: Run, **_: Any) -> None:
    """What the active classifier has just said orders the queue; a run of another classifier orders nothing."""
    if run.region.active_classifier_id == run.classifier_id:
        request_ranking(run.region_id)


@receiver(run_finished)
def tell_campaigns(sender: type[Run], run: Run, **_: Any) -> None:
    """The campaign that started the run wants to know what it removed and added."""
    request_effect(run)


@receiver(classifier_activated)
def rank_by_classifier(sender: type[Classifier], classifier: Classifier, **_: Any) -> None:
    """A classifier that has searched the region before orders the queue again as soon as it is active."""
    request_ranking(classifier.region_id)


@receiver(swept)
def forget_traces(sender: Any, **_: Any) -> None:
    """Photos and addresses of reports that were decided long ago are deleted without anybody's doing."""
    forget_now_and_again()


@receiver(post_save, sender=ImagerySource)
def tell_rights(sender: type[ImagerySource], instance: ImagerySource, **_: Any) -> None:
    """Readers of the map go by the catalogue: a right that is taken back counts there at once, one that is given when
    the change is certain."""
    if storage.exists(KEY):
        if not instance.may_publish:
            write_catalogue()
        transaction.on_commit(rebuild_if_stale)


@receiver(swept)
def mend_catalogue(sender: Any, **_: Any) -> None:
    """A publisher killed between the rows and the catalogue leaves it one release behind: until the next round."""
    rebuild_if_stale()
