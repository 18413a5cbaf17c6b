"""What a classifier's figures mean for the map, in sentences for an admin."""

from typing import Any

from django.utils.translation import gettext as _

# Below this many groups with mining in them an interval is a guess about a guess.
FEW_GROUPS = 10
# What is held out differs from what was promised by more than this: worth a sentence.
MISSED = 0.05
# Mean distance between the probability said and the share that was mining.
UNTRUE = 0.1


def expectations(metrics: dict[str, Any]) -> list[str]:
    """Sentences on what to expect where nothing was labelled, the gravest first; none where all is as promised.

    `metrics`: Classifier.metrics; older ones that lack a figure are passed over in silence.
    """
    block, date, tile = (metrics.get(name) or {} for name in ("by_block", "by_date", "by_tile"))
    return [
        sentence
        for sentence in (
            _unreached(metrics, tile),
            _promise(block, _("On held-out blocks")),
            _promise(date, _("On held-out dates")),
            _fall(tile, date),
            _few(block, _("blocks")),
            _few(date, _("dates")),
            _untrue(block),
        )
        if sentence
    ]


def _unreached(metrics: dict[str, Any], tile: dict[str, Any]) -> str:
    if metrics.get("threshold_reached", tile.get("threshold_reached", True)):
        return ""
    return _("The precision aimed at could not be reached: the threshold is the most careful one there is.")


def _promise(figures: dict[str, Any], where: str) -> str:
    at_target = figures.get("at_target")
    if not at_target or at_target["precision"] >= at_target["target"] - MISSED:
        return ""
    wrong = round(10 * (1 - at_target["precision"]))
    return _(
        "%(where)s expect about %(wrong)s of 10 marked superpixels to be no mining: the threshold was "
        "chosen for a precision of %(target).2f, and there it gave %(precision).2f."
    ) % {
        "where": where,
        "wrong": max(wrong, 1),
        "target": at_target["target"],
        "precision": at_target["precision"],
    }


def _fall(tile: dict[str, Any], date: dict[str, Any]) -> str:
    if not tile or not date or date["f1"] >= tile["f1"] - MISSED:
        return ""
    return _(
        "On held-out dates expect an F1 near %(date).2f instead of %(tile).2f: label some tiles of every "
        "new date before you trust its map."
    ) % {"date": date["f1"], "tile": tile["f1"]}


def _few(figures: dict[str, Any], what: str) -> str:
    groups = figures.get("positive_groups")
    if groups is None or groups >= FEW_GROUPS:
        return ""
    return _(
        "Mining is labelled on only %(groups)s %(what)s: the figures for held-out %(what)s rest on few and "
        "can lie far from the truth."
    ) % {"groups": groups, "what": what}


def _untrue(block: dict[str, Any]) -> str:
    trust = block.get("reliability")
    if not trust or trust["expected_error"] <= UNTRUE:
        return ""
    return _(
        "On held-out blocks the probabilities are off by %(error).2f on average: believe their order more "
        "than their numbers."
    ) % {"error": trust["expected_error"]}
