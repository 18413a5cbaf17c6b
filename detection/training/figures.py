"""A classifier's figures for its pages: the ways of holding places out, the curves, the campaigns it learned from."""

from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _

from amberapp.errors import UserError
from detection.models import Classifier, Dataset
from detection.training.charts import Dot, curve_points, reliability_dots
from detection.training.dataset import CampaignNote, campaigns_of


@dataclass(frozen=True)
class Figure:
    """A figure, 0…1, and between which `bounds` other draws of the same places would have put it; () where unknown."""

    value: float
    bounds: tuple[float, ...] = ()

    @classmethod
    def of(cls, metrics: dict[str, Any], name: str) -> "Figure | None":
        """The figure of that name from one way of holding places out; None where older training did not measure it."""
        if metrics.get(name) is None:
            return None
        return cls(metrics[name], tuple((metrics.get("intervals") or {}).get(name) or ()))


@dataclass(frozen=True)
class Evaluation:
    """One way of holding places out: its figures, or in `reason` why there are none."""

    name: str
    title: str
    explanation: str
    metrics: dict[str, Any] | None
    table: list[tuple[str, Figure | None]]
    sentences: list[str]
    curve: str
    dots: list[Dot]
    reason: str


@dataclass(frozen=True)
class CampaignLine:
    """An error campaign that shaped what the classifier learned from, and in what way; "" where that goes without saying."""

    number: int
    name: str
    effect: str


def f1_of(classifier: Classifier, grouping: str) -> Figure | None:
    """Its F1 with places held out in that way, without the interval; None where it was not measured."""
    metrics = classifier.metrics.get(grouping)
    return Figure(metrics["f1"]) if metrics else None


def campaigns_behind(dataset: Dataset) -> tuple[list[CampaignNote], str]:
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


def evaluations_of(metrics: dict[str, Any]) -> list[Evaluation]:
    """Every way of holding places out that training knew of, the easiest first."""
    return [
        _evaluation(metrics, name, title, explanation)
        for name, title, explanation in groupings()
        if name in metrics
    ]


def general_warnings(metrics: dict[str, Any]) -> list[str]:
    """What training warned of that belongs to no single way of holding places out."""
    prefixes = tuple(f"{name}:" for name, _title, _explanation in groupings())
    return [warning for warning in metrics.get("warnings", []) if not warning.startswith(prefixes)]


def _evaluation(metrics: dict[str, Any], name: str, title: str, explanation: str) -> Evaluation:
    own_metrics = metrics.get(name)
    own_warnings = [warning for warning in metrics.get("warnings", []) if warning.startswith(f"{name}:")]
    return Evaluation(
        name=name,
        title=title,
        explanation=explanation,
        metrics=own_metrics,
        table=_table(own_metrics) if own_metrics else [],
        sentences=_sentences(own_metrics) if own_metrics else [],
        curve=curve_points(own_metrics.get("pr_curve", [])) if own_metrics else "",
        dots=reliability_dots(own_metrics.get("reliability", {}).get("bins", [])) if own_metrics else [],
        reason=own_warnings[0].partition(":")[2].strip() if own_warnings else _("It was not measured."),
    )


def _table(metrics: dict[str, Any]) -> list[tuple[str, Figure | None]]:
    """(title, figure) in the order of the table."""
    titles = {
        "f1": _("F1"),
        "average_precision": _("Average precision"),
        "precision": _("Precision"),
        "recall": _("Recall"),
    }
    return [(title, Figure.of(metrics, name)) for name, title in titles.items()]


def _sentences(metrics: dict[str, Any]) -> list[str]:
    """What the chosen threshold gives on what was held out, and how far probabilities are off."""
    sentences = []
    if at_target := metrics.get("at_target"):
        values = {name: floatformat(at_target[name], 2) for name in ("target", "precision", "recall")}
        sentences.append(
            _(
                "With the threshold chosen for a precision of %(target)s: precision %(precision)s, recall %(recall)s."
            )
            % values
        )
    if reliability := metrics.get("reliability"):
        sentences.append(
            _("Probabilities are off by %(error)s on average; Brier score %(brier)s.")
            % {
                "error": floatformat(reliability["expected_error"], 2),
                "brier": floatformat(reliability["brier"], 3),
            }
        )
    return sentences
