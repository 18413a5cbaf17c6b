"""The model card of a classifier (Mitchell et al. 2019, “Model cards for model reporting”): what it learned from, how good
it is on ground it has not seen, where it fails, what it confuses, what its threshold promises, what changed since the last.

`failures` and `changes` are counted when a classifier is trained, from held-out scores that evaluation makes anyway, and
kept in its metrics; `model_card` joins them to one plain document, `as_text` writes it down. English, for files; pages say the same
in the reader's language.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from amberapp.errors import UserError
from detection.learning.evaluation import HeldOut
from detection.models import Classifier, Dataset, Region
from detection.training import dataset as datasets
from detection.training.training_data import TrainingData

FORMAT = "amber-model-card/1"
# Of places that fail so many are named, the worst first.
NAMED = 10
GROUPINGS = {
    "by_tile": "held-out places",
    "by_block": "held-out blocks of 0.25°",
    "by_date": "held-out capture dates",
}
INTENDED = (
    "Finding tiles of satellite or aerial images on which ground looks mined, for experts to look at. "
    "Every place on a published map was approved by an expert."
)
LIMITS = (
    "It is no proof of mining, of who mined or when, and an unmarked tile is no proof that nothing was mined. "
    "Figures hold for ground like that which was labelled: other seasons, sensors or landscapes need labels of their own."
)


def failures(held: dict[str, HeldOut], data: TrainingData) -> dict[str, list[dict[str, Any]]]:
    """How it judged each block, each date and each look-alike while they were held out, at its threshold; the worst first.

    `held`: by the names of GROUPINGS. {"blocks", "dates": [{"name", "n", "mining", "found", "false_alarms"}], "look_alikes":
    [{"name", "n", "called_mining"}]}; at most NAMED of each, only such as were judged wrong somewhere.
    """
    found: dict[str, list[dict[str, Any]]] = {"blocks": [], "dates": [], "look_alikes": []}
    for name, grouping in (("blocks", "by_block"), ("dates", "by_date")):
        if grouping in held:
            found[name] = _worst(held[grouping].at_target, data.mining, data.groups(grouping))
    judged = held.get("by_block") or held.get("by_tile")
    if judged is not None:
        look_alikes = np.array([row.look_alike for row in data.rows])
        for kind in np.unique(look_alikes[look_alikes != ""]):
            chosen = (look_alikes == kind) & ~data.mining
            if called := int((judged.at_target & chosen).sum()):
                found["look_alikes"].append(
                    {"name": str(kind), "n": int(chosen.sum()), "called_mining": called}
                )
    found["look_alikes"].sort(key=lambda one: (-one["called_mining"] / one["n"], one["name"]))
    found["look_alikes"] = found["look_alikes"][:NAMED]
    return found


def _worst(
    predicted: npt.NDArray[np.bool_], mining: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for group in np.unique(groups):
        inside = groups == group
        rows.append(
            {
                "name": place_words(str(group)),
                "n": int(inside.sum()),
                "mining": int((mining & inside).sum()),
                "found": int((mining & predicted & inside).sum()),
                "false_alarms": int((~mining & predicted & inside).sum()),
            }
        )
    wrong = [row for row in rows if row["name"] and (row["found"] < row["mining"] or row["false_alarms"])]
    return sorted(wrong, key=lambda row: (row["found"] - row["mining"] - row["false_alarms"], row["name"]))[
        :NAMED
    ]


def place_words(group: str) -> str:
    """A date as it is; a block as its edges in degrees, “51.25–51.50° N, 26.50–26.75° E”; "" for a group that is neither."""
    if group[:4].isdigit() and group.count("-") == 2:
        return group
    try:
        south, west = (int(part) / 4 for part in group.split("_"))
    except ValueError:
        return ""
    return f"{_edges(south, 'N', 'S')}, {_edges(west, 'E', 'W')}"


def _edges(low: float, positive: str, negative: str) -> str:
    ends = (low, low + 0.25) if low >= 0 else (-low - 0.25, -low)
    return f"{ends[0]:.2f}–{ends[1]:.2f}° {positive if low >= 0 else negative}"


def changes(region: Region, dataset: Dataset, rows: Sequence[datasets.FrozenRow]) -> dict[str, Any] | None:
    """What is new since the region's last classifier; None for the first one, or where its dataset is lost.

    {"classifier": its number, "added_mining", "added_other", "removed", "turned": superpixels}.
    """
    before = region.classifiers.order_by("-id").select_related("dataset").first()
    if before is None:
        return None
    try:
        old = rows if before.dataset_id == dataset.pk else datasets.read(before.dataset)
    except UserError:
        return None
    was = {(row.image, row.segmentation, row.superpixel): row.mining for row in old}
    now = {(row.image, row.segmentation, row.superpixel): row.mining for row in rows}
    added = [mining for name, mining in now.items() if name not in was]
    return {
        "classifier": before.pk,
        "added_mining": sum(added),
        "added_other": len(added) - sum(added),
        "removed": len(was.keys() - now.keys()),
        "turned": sum(was[name] != mining for name, mining in now.items() if name in was),
    }


def model_card(classifier: Classifier) -> dict[str, Any]:
    """The whole card as plain JSON; what older training did not keep is missing from it."""
    metrics = classifier.metrics
    kept = metrics.get("card") or {}
    card: dict[str, Any] = {
        "format": FORMAT,
        "classifier": {
            "algorithm": classifier.algorithm,
            "features": classifier.extractor_key,
            "sha256": classifier.model_sha256,
            "trained": classifier.created_at.date().isoformat(),
        },
        "intended_use": INTENDED,
        "limits": LIMITS,
        "data": {
            "superpixels": classifier.dataset.rows,
            "mining": classifier.dataset.positives,
            "sha256": classifier.dataset.content_hash,
        },
        "threshold": {"value": classifier.threshold, "precision_aimed_at": classifier.precision_target},
        "held_out": {name: _figures(metrics[name]) for name in GROUPINGS if metrics.get(name)},
    }
    card |= {name: kept[name] for name in ("blocks", "dates", "look_alikes") if name in kept}
    if metrics.get("outline"):
        card["outline"] = metrics["outline"]
    if kept.get("changes"):
        card["changes"] = {name: value for name, value in kept["changes"].items() if name != "classifier"}
    return card


def _figures(metrics: dict[str, Any]) -> dict[str, Any]:
    names = ("f1", "average_precision", "precision", "recall", "groups", "positive_groups")
    figures = {name: metrics[name] for name in names if name in metrics}
    figures["intervals"] = metrics.get("intervals", {})
    if at_target := metrics.get("at_target"):
        figures["at_threshold"] = {
            name: at_target[name] for name in ("precision", "recall", "intervals") if name in at_target
        }
    return figures


def as_text(card: dict[str, Any]) -> str:
    """The card in Markdown."""
    made, data, threshold = card["classifier"], card["data"], card["threshold"]
    lines = [
        "# Model card",
        "",
        f"{made['algorithm']} on {made['features']}, trained {made['trained']}, SHA-256 {made['sha256']}.",
        "",
        f"**Intended use.** {card['intended_use']}",
        "",
        f"**Limits.** {card['limits']}",
        "",
        f"**Data.** {data['superpixels']} labelled superpixels, {data['mining']} of them mining; dataset {data['sha256']}.",
        "",
        f"**Threshold.** {threshold['value']:.4f}, chosen on held-out places for a precision of "
        f"{threshold['precision_aimed_at']:.2f}.",
        "",
        "## On ground it has not seen",
        "",
        "In brackets the 95 % interval of the bootstrap by group.",
        "",
        "| | F1 | average precision | at the threshold: precision | recall |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, title in GROUPINGS.items():
        if figures := card["held_out"].get(name):
            at = figures.get("at_threshold", {})
            lines.append(
                f"| {title} | {_told(figures, 'f1')} | {_told(figures, 'average_precision')} | "
                f"{_told(at, 'precision')} | {_told(at, 'recall')} |"
            )
    if outline := card.get("outline"):
        lines += [
            "",
            "## The outline of a marked tile",
            "",
            f"Windows of 64 pixels, taught by {outline['windows']} windows of {outline['n']} labelled superpixels. A superpixel "
            f"is outlined from a mean probability of {outline['threshold']:.2f} on; on held-out places precision "
            f"{outline['precision']:.2f}, recall {outline['recall']:.2f}, average precision {outline['average_precision']:.2f}.",
        ]
    lines += _table("Where it fails: blocks", card.get("blocks"))
    lines += _table("Where it fails: capture dates", card.get("dates"))
    if confused := card.get("look_alikes"):
        lines += ["", "## Look-alikes it takes for mining, held out", ""]
        lines += [f"- {one['name']}: {one['called_mining']} of {one['n']} superpixels" for one in confused]
    if new := card.get("changes"):
        lines += [
            "",
            "## Since the classifier before",
            "",
            f"- superpixels added: {new['added_mining']} of mining, {new['added_other']} of other ground",
            f"- left out since: {new['removed']}; judged otherwise since: {new['turned']}",
        ]
    return "\n".join(lines) + "\n"


def _told(figures: dict[str, Any], name: str) -> str:
    if name not in figures:
        return "not measured"
    bounds = figures.get("intervals", {}).get(name)
    return f"{figures[name]:.3f}" + (f" [{bounds[0]:.2f}–{bounds[1]:.2f}]" if bounds else "")


def _table(title: str, rows: list[dict[str, Any]] | None) -> list[str]:
    if not rows:
        return []
    return [
        "",
        f"## {title}",
        "",
        "| held out | labelled | mining found | false alarms |",
        "| --- | --- | --- | --- |",
        *(
            f"| {row['name']} | {row['n']} | {row['found']} of {row['mining']} | {row['false_alarms']} |"
            for row in rows
        ),
    ]
