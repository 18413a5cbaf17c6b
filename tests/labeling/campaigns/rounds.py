"""A campaign's round, and training that takes no time."""

from collections.abc import Callable
from typing import Any

from detection.models import Classifier
from labeling.models import Campaign


def silent(done: int, total: int, message: str = "") -> None:
    """Progress that nobody watches."""


def again(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_related("region__active_classifier").get(pk=campaign.pk)


def like(trained: Classifier) -> Callable[..., Classifier]:
    """Training that takes no time: the same model under a new number."""

    def train(*, dataset: Any, region: Any, algorithm: str, **_: Any) -> Classifier:
        return Classifier.objects.create(
            region=region,
            dataset=dataset,
            algorithm=algorithm,
            extractor=trained.extractor,
            extractor_key=trained.extractor_key,
            model_key=trained.model_key,
            model_sha256=trained.model_sha256,
            threshold=trained.threshold,
            precision_target=0.95,
        )

    return train


def known(**differences: list[float]) -> dict[str, Any]:
    """A measurement whose figures on what was known before are as they were, but for those named."""
    figures = {key: [0.9, 0.85, 0.95] for key in ("precision", "recall", "f1", "average_precision")}
    same = dict.fromkeys(figures, [0.0, -0.02, 0.02])
    told = {
        "n": 40,
        "places": 9,
        "positives": 12,
        "mining_places": 6,
        "before": figures,
        "after": figures,
        "difference": same | differences,
    }
    return {"known": told}


AS_GOOD = known()
