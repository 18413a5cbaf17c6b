"""A campaign that has been decided."""

from pathlib import Path
from typing import Any

import pytest

from amberapp.models import User
from detection.look_alikes.index import build_index
from detection.models import Classifier
from detection.runs.runs import execute_here, start_run
from labeling.campaigns import campaigns
from labeling.models import Campaign
from tests.kept import keep
from tests.labeling.campaigns.rounds import silent


@pytest.fixture
def decided(trained: Classifier, dug_tiles: list[Any], bob: User, home: Path) -> Campaign:
    """A campaign that calls the superpixels of one detection cemeteries."""

    def begin_and_decide() -> None:
        run = start_run(region=trained.region, acting_user=None)
        execute_here(run)
        detection = run.detections.with_ground().first()
        assert detection is not None
        build_index(region=trained.region, extractor_key=trained.extractor_key, progress=silent)
        campaign = campaigns.begin_from_detection(detection=detection, acting_user=bob)
        ticked = [(detection.segmented_tile_id, number) for number in detection.superpixels]
        campaigns.decide(
            campaign=campaign, ticked=ticked, decision="label", look_alike="cemetery", acting_user=bob
        )

    keep("decided", home, begin_and_decide)
    return Campaign.objects.get()
