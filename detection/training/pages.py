"""What the page of a classifier shows, decided: its door only draws it."""

from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection.models import Classifier, Run
from detection.training.card import threshold_reached
from detection.training.charts import CHART, Frame
from detection.training.dataset import CampaignNote
from detection.training.expectations import expectations
from detection.training.figures import (
    CampaignLine,
    Evaluation,
    Figure,
    campaigns_behind,
    evaluations_of,
    f1_of,
    general_warnings,
    groupings,
)

OTHERS_SHOWN = 10
RUNS_SHOWN = 10


@dataclass(frozen=True)
class OtherRow:
    """Another classifier of the region, with its F1 by tile and by block; None where it was not measured."""

    classifier: Classifier
    is_active: bool
    by_tile: Figure | None
    by_block: Figure | None


@dataclass(frozen=True)
class FailureTable:
    """The worst `rows` of one way of holding places out, and in `total` how many were judged wrong of how many."""

    title: str
    total: str
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Failures:
    """Where a classifier fails on held-out ground, what it confuses, and in `changes` what is new since the one before."""

    tables: list[FailureTable]
    look_alikes: list[dict[str, Any]]
    changes: list[str]


@dataclass(frozen=True)
class ClassifierPage:
    """`question`: asked before it is made the active one, where the active one did better. `lost`: why nobody can tell
    which campaigns shaped it; empty where one can."""

    classifier: Classifier
    question: str
    warnings: list[str]
    expectations: list[str]
    evaluations: list[Evaluation]
    frame: Frame
    features: str
    threshold_note: str
    campaigns: list[CampaignLine]
    lost: str
    promise: str
    failures: Failures | None
    outline: list[str]
    runs: list[Run]
    others: list[OtherRow]


def classifier_page(classifier: Classifier) -> ClassifierPage:
    """How good a classifier is on held-out places, and what it is made of."""
    metrics = classifier.metrics
    active = classifier.region.active_classifier
    notes, lost = campaigns_behind(classifier.dataset)
    others = classifier.region.classifiers.exclude(pk=classifier.pk).order_by("-id")[:OTHERS_SHOWN]
    return ClassifierPage(
        classifier=classifier,
        question=activate_question(classifier, active),
        warnings=general_warnings(metrics),
        expectations=expectations(metrics),
        evaluations=evaluations_of(metrics),
        frame=Frame(CHART),
        features=_features(classifier.extractor),
        threshold_note=_("chosen for a precision of %(target)s")
        % {"target": floatformat(classifier.precision_target, 2)},
        campaigns=[CampaignLine(note.number, note.name, _effect(note)) for note in notes],
        lost=lost,
        promise=_promise(classifier),
        failures=_failures(classifier),
        outline=_outline(metrics.get("outline")),
        runs=list(classifier.runs.order_by("-id")[:RUNS_SHOWN]),
        others=[
            OtherRow(
                classifier=other,
                is_active=active is not None and other.pk == active.pk,
                by_tile=f1_of(other, "by_tile"),
                by_block=f1_of(other, "by_block"),
            )
            for other in others
        ],
    )


def _failures(classifier: Classifier) -> Failures | None:
    """None for a classifier of before these were counted."""
    card = classifier.metrics.get("card")
    if card is None:
        return None
    titles = {"blocks": _("Held-out blocks"), "dates": _("Held-out dates")}
    return Failures(
        tables=[
            FailureTable(
                title,
                _("%(title)s: %(failing)s of %(groups)s were judged wrong somewhere at the threshold.")
                % {"title": title, **card["totals"][name]},
                card[name],
            )
            for name, title in titles.items()
            if name in card["totals"]
        ],
        look_alikes=card["look_alikes"],
        changes=_changes(classifier, card["changes"]),
    )


def _outline(figures: dict[str, Any] | None) -> list[str]:
    """What the outline head promises, in sentences; without one, whose outline a marked tile has."""
    if figures is None:
        return [
            _("It has no outline head: a marked tile is outlined by the superpixels that made it marked.")
        ]
    values = {
        name: floatformat(figures[name], 2)
        for name in ("threshold", "least", "precision", "recall", "precision_target")
    }
    values |= {name: figures[name] for name in ("n", "positives", "windows")}
    sentences = [
        _(
            "Where on a marked tile the mining lies, windows of 64 pixels tell. They learned from %(windows)s windows "
            "of %(n)s labelled superpixels, %(positives)s of them mining."
        )
        % values,
        _(
            "A superpixel belongs to the outline from a mean probability of %(threshold)s on. At that threshold, on "
            "held-out places: precision %(precision)s, recall %(recall)s."
        )
        % values,
    ]
    sentences.append(
        _(
            "Where none comes so far, the likeliest one is outlined if it reaches %(least)s; else the tile is not marked, "
            "for nothing on it looks like mining from close by."
        )
        % values
    )
    if not figures["reached"]:
        sentences.append(_("The precision aimed at, %(precision_target)s, could not be reached.") % values)
    return sentences


def _promise(classifier: Classifier) -> str:
    """What the threshold promises, and what it does not."""
    values = {
        "threshold": floatformat(classifier.threshold, 3),
        "target": floatformat(classifier.precision_target, 2),
    }
    if threshold_reached(classifier.metrics) is False:
        return (
            _("Its threshold, %(threshold)s, promises nothing: a precision of %(target)s was not reached.")
            % values
        )
    return (
        _(
            "Its threshold, %(threshold)s, was chosen on held-out places for a precision of %(target)s among "
            "superpixels. It promises nothing of blocks or dates never labelled, nor how much mining is found."
        )
        % values
    )


def _changes(classifier: Classifier, before: dict[str, Any] | None) -> list[str]:
    """What is new since the classifier before, in sentences; none for a region's first one."""
    if before is None:
        return []
    lines = _labels_changed(before)
    changed = [
        (_("Algorithm"), before["algorithm"], classifier.algorithm),
        (_("Features"), before["features"], classifier.extractor_key),
        (_("Threshold"), floatformat(before["threshold"], 3), floatformat(classifier.threshold, 3)),
    ]
    titles = {"f1": _("F1"), "average_precision": _("Average precision")}
    for name, title, _explanation in groupings():
        after = classifier.metrics.get(name) or {}
        for figure, was in before["figures"].get(name, {}).items():
            if figure in after:
                changed.append(
                    (f"{title}, {titles[figure]}", floatformat(was, 2), floatformat(after[figure], 2))
                )
    return [*lines, *(f"{title}: {was} → {now}" for title, was, now in changed if was != now)]


def _labels_changed(before: dict[str, Any]) -> list[str]:
    if "removed" not in before:
        return [_("which labels is not known: the dataset of the classifier before is lost")]
    told = {
        "added_mining": _("%(n)s superpixels of mining added"),
        "added_other": _("%(n)s superpixels of other ground added"),
        "removed": _("%(n)s superpixels no longer labelled"),
        "turned": _("%(n)s superpixels judged otherwise"),
    }
    lines = [sentence % {"n": before[name]} for name, sentence in told.items() if before[name]]
    return (lines or [_("the same labels")]) + [
        _("campaign “%(name)s”") % {"name": name} for name in before["campaigns"]
    ]


def activate_question(classifier: Classifier, active: Classifier | None) -> str:
    """What to ask before making a classifier the active one that did worse than the active one; "" where it did not.

    One that was not measured on held-out places is behind nobody.
    """
    if active is None or classifier.unseen_f1 is None or active.unseen_f1 is None:
        return ""
    if classifier.unseen_f1 >= active.unseen_f1:
        return ""
    return _(
        "Make %(this)s the active one all the same? On held-out places its F1 is %(f1)s; that of "
        "%(other)s, active now, is %(other_f1)s. Each was measured on the labels of its time."
    ) % {
        "this": classifier,
        "f1": floatformat(classifier.unseen_f1, 2),
        "other": active,
        "other_f1": floatformat(active.unseen_f1, 2),
    }


def _features(extractor: str) -> str:
    """An extractor in plain words."""
    names = {
        "texture-lite0": _("texture, and EfficientNet-Lite0 with ImageNet weights"),
        "texture": _("texture: no pretrained weights"),
        "resnet50": _("ResNet50 with ImageNet weights"),
        "resnet50-dense": _("ResNet50 with ImageNet weights, one look at the whole tile"),
    }
    return names.get(extractor, extractor)


def _effect(note: CampaignNote) -> str:
    if note.decision == "exclude":
        sentence = ngettext(
            "%(count)s superpixel left out of training",
            "%(count)s superpixels left out of training",
            note.superpixels,
        )
    else:
        sentence = ngettext(
            "%(count)s superpixel labelled as not mining",
            "%(count)s superpixels labelled as not mining",
            note.superpixels,
        )
    return sentence % {"count": note.superpixels}
