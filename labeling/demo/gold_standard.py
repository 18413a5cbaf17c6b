"""Gold-standard tiles for the demo: procedural scenes whose truth is known, the clearest of them.

Three lessons and four checks. Left out: real tiles, of which nobody knows the truth.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from django.utils import timezone

from amberapp.audit import record
from amberapp.models import User
from detection.description.segment import load_labels
from detection.models import SegmentedTile
from labeling.crowd.gold_standard import make_gold_standard
from labeling.desk.volunteer_records import record_of
from labeling.models import GoldStandardTile, GoldStandardUse, LabelVerdict

# A superpixel is mining from this share of dug ground on, and not mining up to that; what lies between is left out.
IS_MINING, IS_NOT = 0.5, 0.05
# A scene of mining teaches something when it has so many superpixels of it.
CLEAR = 4
# A lesson asks about so many superpixels of each class at most: it is to be passed in a minute.
ASKED = 4
# What is wanted, in the order in which scenes come: use and what the scene shows.
WANTED = Counter(
    {
        (GoldStandardUse.LESSON, "mining"): 2,
        (GoldStandardUse.LESSON, "deforestation"): 1,
        (GoldStandardUse.CHECK, "mining"): 2,
        (GoldStandardUse.CHECK, "settlement"): 1,
        (GoldStandardUse.CHECK, "deforestation"): 1,
    }
)
LOOK_ALIKES = {"clear_cut": "deforestation", "village": "settlement", "field": "field", "snow": "snow"}

DUG = {
    "en": "Pale sand, round pits close together and no straight edge: dug for amber.",
    "uk": "Світлий пісок, круглі ями одна біля одної, жодного прямого краю: тут копали бурштин.",
}
WHOLE = {
    "en": "The ground is whole: trees or meadow, and no pits.",
    "uk": "Земля ціла: дерева або луки, ям немає.",
}
DECOYS = {
    "deforestation": {
        "en": "A clear-cut: straight edges, even ground, rows of stumps, but no pits.",
        "uk": "Вирубка: прямі краї, рівна поверхня, ряди пнів, але ям немає.",
    },
    "settlement": {
        "en": "Houses with their shadows, gardens and a street: bright, but nobody digs here.",
        "uk": "Будинки з тінями, городи й вулиця: світло, але тут ніхто не копає.",
    },
    "field": {
        "en": "A ploughed field: fine parallel lines and straight borders.",
        "uk": "Рілля: тонкі паралельні лінії та прямі межі.",
    },
    "snow": {
        "en": "Snow: bluish white that follows shade and ditches.",
        "uk": "Сніг: блакитнувато-біле вздовж тіні та канав.",
    },
}


def shares(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means of `values` (rows, cols) over the superpixels of `labels` (int, rows, cols): float64 (superpixels,)."""
    flat = labels.ravel()
    sizes = np.bincount(flat)[1:]
    sums = np.bincount(flat, weights=values.ravel(), minlength=len(sizes) + 1)[1:]
    return sums / np.maximum(sizes, 1)


def make_gold_standard_where_clear(
    segmented: SegmentedTile, kind: str, image: np.ndarray, truth: np.ndarray
) -> GoldStandardTile | None:
    """Make a scene known when it is clear and one of its kind is still wanted. Twice changes nothing.

    `image`: uint8 (rows, cols, 3); `truth`: bool (rows, cols), True where the ground is dug.
    """
    shows = "mining" if kind == "mining" else LOOK_ALIKES.get(kind, "")
    here = GoldStandardTile.objects.filter(region=segmented.tile.region_id)
    if here.filter(segmented_tile=segmented).exists():
        return None
    left = WANTED - Counter((GoldStandardUse(row.use), _shown(row)) for row in here)
    use = next((use for use in GoldStandardUse.values if left[GoldStandardUse(use), shows] > 0), None)
    if use is None:
        return None
    labels = load_labels(segmented)
    answers = _answers(shares(labels, truth), shares(labels, image.mean(axis=2)), shows)
    if shows == "mining" and sum(one["verdict"] == LabelVerdict.MINING for one in answers.values()) < CLEAR:
        return None
    if use == GoldStandardUse.LESSON:
        answers = _few(answers)
    return make_gold_standard(segmented_tile=segmented, use=use, answers=answers, acting_user=None)


def pass_tutorial(people: Iterable[User]) -> None:
    """These people have been taught: their labels count from the first."""
    for person in people:
        row = record_of(person, hold=False)
        if row.tutorial_passed_at is None:
            row.tutorial_passed_at = timezone.now()
            row.save(update_fields=["tutorial_passed_at"])
            record(None, "tutorial.passed", person, how="demo")


def _shown(known: GoldStandardTile) -> str:
    """What a gold-standard tile of the demo was chosen for."""
    if any(answer["verdict"] == LabelVerdict.MINING for answer in known.answers.values()):
        return "mining"
    return next((answer["look_alike"] for answer in known.answers.values() if answer["look_alike"]), "")


def _few(answers: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Some superpixels of each class, spread over the tile, and first of all those that carry a look-alike."""
    chosen: dict[int, dict[str, Any]] = {}
    for verdict in (LabelVerdict.MINING, LabelVerdict.NOT_MINING):
        numbers = [number for number, answer in answers.items() if answer["verdict"] == verdict]
        named = [number for number in numbers if answers[number]["look_alike"]]
        plain = [number for number in numbers if not answers[number]["look_alike"]]
        some = [*_spread(named, ASKED), *_spread(plain, ASKED)][: ASKED + 2 if named else ASKED]
        chosen |= {number: answers[number] for number in some}
    return dict(sorted(chosen.items()))


def _spread(numbers: list[int], most: int) -> list[int]:
    """At most so many of a list, evenly."""
    step = max(1.0, len(numbers) / most)
    return [numbers[int(place * step)] for place in range(min(most, len(numbers)))]


def _answers(mined: np.ndarray, light: np.ndarray, shows: str) -> dict[int, dict[str, Any]]:
    """`mined`: dug share, `light`: mean brightness, both float64 (superpixels,)."""
    decoy = shows if shows in DECOYS else ""
    # Cuts and houses are the bright part of their tile; fields and snow cover all of it.
    bright = (
        light >= np.median(light) if decoy in ("deforestation", "settlement") else np.ones(len(light), bool)
    )
    answers: dict[int, dict[str, Any]] = {}
    for number, share in enumerate(mined, start=1):
        if share >= IS_MINING:
            answers[number] = {"verdict": LabelVerdict.MINING, "look_alike": "", "why": DUG}
        elif share <= IS_NOT:
            named = decoy if bright[number - 1] else ""
            answers[number] = {
                "verdict": LabelVerdict.NOT_MINING,
                "look_alike": named,
                "why": DECOYS[named] if named else WHOLE,
            }
    return answers
