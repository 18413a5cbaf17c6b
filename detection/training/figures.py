"""A classifier's figures for its pages: the ways of holding places out, the curves, the campaigns it learned from."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from amberapp.errors import UserError
from detection.models import Dataset
from detection.training.charts import Dot, curve_points, reliability_dots
from detection.training.dataset import CampaignNote, campaigns_of


@dataclass(frozen=True)
class Evaluation:
    """One way of holding places out: its figures, or in `reason` why there are none."""

    name: str
    title: str
    explanation: str
    metrics: dict[str, Any] | None
    curve: str
    dots: list[Dot]
    reason: str


def campaigns_told(dataset: Dataset) -> tuple[list[CampaignNote], str]:
    """The campaigns that shaped what a classifier learned from, the newest first; or a sentence why nobody can tell."""
    try:
        return campaigns_of(dataset)[::-1], ""
    except UserError as error:
        return [], str(error.message)


def groupings() -> list[tuple[str, str, str]]:
    """(name in the metrics, title, explanation) of each way of holding places out, the easiest first."""
    return [
        ("by_tile", _("Held-out places"), _("Each tile, with all its dates, was held out in turn.")),
        (
            "by_block",
            _("Held-out blocks"),
            _("Each square of 0.25° was held out in turn: nothing near it was learned from. Harder."),
        ),
        (
            "by_date",
            _("Held-out dates"),
            _("Each capture date was held out in turn: another season, often another sensor. The hardest."),
        ),
    ]


def _evaluation(metrics: dict[str, Any], name: str, title: str, explanation: str) -> Evaluation:
    figures = metrics.get(name)
    told = [warning for warning in metrics.get("warnings", []) if warning.startswith(f"{name}:")]
    reason = told[0].partition(":")[2].strip() if told else _("It was not measured.")
    curve = curve_points(figures.get("pr_curve", [])) if figures else ""
    dots = reliability_dots(figures.get("reliability", {}).get("bins", [])) if figures else []
    return Evaluation(name, title, explanation, figures, curve, dots, reason)
