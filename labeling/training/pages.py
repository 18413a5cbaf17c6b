"""What the page of a region's classifiers shows, decided: its door only draws it."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amberapp.models import Job, WorkState
from amberapp.web.words import moment_text
from detection.models import Classifier, Region
from detection.models.classifier import Algorithm
from detection.training.figures import CampaignLine, Figure, campaigns_behind, f1_of, groupings
from labeling.training.retrain import comparisons
from labeling.training.upgrade_card import UpgradeCard, upgrade_card

CLASSIFIERS_SHOWN = 50
COMPARISONS_READ = 20
# Of the campaigns that a classifier has learned from, so many are named in the list; its own page names all.
CAMPAIGNS_NAMED = 2


@dataclass(frozen=True)
class Cell:
    """What one kind of classifier showed with places held out in one way; None where it was not measured."""

    title: str
    f1: Figure | None
    average_precision: Figure | None


@dataclass(frozen=True)
class AlgorithmRow:
    """One kind of classifier in a comparison. `difference`: its average precision less that of XGBoost."""

    value: str
    label: str
    cells: list[Cell]
    is_proposed: bool
    difference: Figure | None


@dataclass(frozen=True)
class Comparison:
    """The last comparison that ended well: `proposal` and `caption` are sentences, `notices` why figures are missing."""

    proposal: str
    warnings: list[str]
    notices: list[str]
    caption: str
    titles: list[str]
    rows: list[AlgorithmRow]


@dataclass(frozen=True)
class TrainedRow:
    """A classifier of the list. `f1`: by tile, by block, by date. `campaigns`: the newest that its dataset names;
    `more`: how many others; `lost`: why none can be told."""

    classifier: Classifier
    is_active: bool
    f1: list[tuple[str, Figure | None]]
    campaigns: list[CampaignLine]
    more: str
    lost: str


@dataclass(frozen=True)
class ClassifiersPage:
    """`open_job`: the comparison under way; `failure`: why the last one came to nothing. `f1_titles`: of the list."""

    region: Region
    upgrade: UpgradeCard | None
    open_job: Job | None
    failure: str
    comparison: Comparison | None
    f1_titles: list[str]
    trained: list[TrainedRow]


def classifiers_page(region: Region) -> ClassifiersPage:
    """The region's classifiers, and its last comparison or the one under way."""
    jobs = list(comparisons(region)[:COMPARISONS_READ])
    newest = jobs[0] if jobs else None
    finished = next((job for job in jobs if job.state == WorkState.DONE and job.result), None)
    return ClassifiersPage(
        region=region,
        upgrade=upgrade_card(region),
        open_job=newest if newest is not None and newest.is_open else None,
        failure=newest.error if newest is not None and newest.state == WorkState.FAILED else "",
        comparison=_comparison(finished) if finished is not None else None,
        f1_titles=list(_f1_titles().values()),
        trained=_trained(region),
    )


def _f1_titles() -> dict[str, str]:
    """The list's columns of F1, by the way of holding places out."""
    return {
        "by_tile": _("F1, held-out places"),
        "by_block": _("F1, held-out blocks"),
        "by_date": _("F1, held-out dates"),
    }


def _trained(region: Region) -> list[TrainedRow]:
    classifiers = Classifier.objects.filter(region=region).select_related("dataset").order_by("-id")
    rows = []
    for classifier in classifiers[:CLASSIFIERS_SHOWN]:
        campaigns, lost = campaigns_behind(classifier.dataset)
        more = len(campaigns[CAMPAIGNS_NAMED:])
        rows.append(
            TrainedRow(
                classifier=classifier,
                is_active=classifier.pk == region.active_classifier_id,
                f1=[(title, f1_of(classifier, grouping)) for grouping, title in _f1_titles().items()],
                campaigns=[
                    CampaignLine(note.number, note.name, _("left out") if note.decision == "exclude" else "")
                    for note in campaigns[:CAMPAIGNS_NAMED]
                ],
                more=ngettext("and %(n)s more", "and %(n)s more", more) % {"n": more} if more else "",
                lost=lost,
            )
        )
    return rows


def _comparison(job: Job) -> Comparison:
    result: dict[str, Any] = job.result or {}
    return Comparison(
        proposal=_proposal(result),
        warnings=result["warnings"],
        notices=[
            f"{title}: {result['reasons'][name]}"
            for name, title, _explanation in groupings()
            if name in result["reasons"]
        ],
        caption=_(
            "%(when)s: %(n)s labelled superpixels, %(positives)s of them mining, features “%(extractor)s”. "
            "F1 and, after the stroke, average precision; the smaller figures are 95%% confidence "
            "intervals."
        )
        % {
            "when": moment_text(job.finished_at, "SHORT_DATETIME_FORMAT") if job.finished_at else "",
            "n": result["n"],
            "positives": result["positives"],
            "extractor": result["extractor"],
        },
        titles=[title for _name, title, _explanation in groupings()],
        rows=_algorithm_rows(result),
    )


def _algorithm_rows(result: dict[str, Any]) -> list[AlgorithmRow]:
    proposal = result["proposal"]
    rows = []
    for value, label in Algorithm.choices:
        if value not in result["algorithms"]:
            continue
        difference = proposal["differences"].get(value)
        rows.append(
            AlgorithmRow(
                value=value,
                label=str(label),
                cells=[
                    _cell(title, result["algorithms"][value].get(name))
                    for name, title, _explanation in groupings()
                ],
                is_proposed=value == proposal["algorithm"],
                difference=Figure(difference[0], tuple(difference[1:])) if difference else None,
            )
        )
    return rows


def _cell(title: str, metrics: dict[str, Any] | None) -> Cell:
    if not metrics:
        return Cell(title, None, None)
    return Cell(title, Figure.of(metrics, "f1"), Figure.of(metrics, "average_precision"))


def _proposal(result: dict[str, Any]) -> str:
    """Which one is proposed and why, in one or two sentences."""
    proposal, labels = result["proposal"], dict(Algorithm.choices)
    where = {name: title for name, title, _explanation in groupings()}[proposal["grouping"]]
    # A kind that is trained no more has no name in the list.
    name, best = (labels.get(proposal[key], proposal[key]) for key in ("algorithm", "best"))
    if proposal["tie"]:
        return _(
            "Proposed: %(name)s. “%(best)s” has the highest average precision (%(where)s), but so little more that "
            "other places could have turned it round; of equals the quickest is proposed."
        ) % {"name": name, "best": best, "where": where}
    return _("Proposed: %(name)s. It has the highest average precision (%(where)s).") % {
        "name": name,
        "where": where,
    }
