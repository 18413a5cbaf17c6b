"""Labels as one structured array: which of them vote, which decide, and what look-alike stands in the end."""

import numpy as np

from labeling.desk.aggregation.label_array import (
    DESK,
    EXPERT,
    IMPORTED,
    LABEL,
    LabelArray,
    look_alikes_of,
    part_number,
    part_of,
    with_decisions,
)

MINING, NOT_MINING, UNSURE = 0, 1, 3
SLUGS = ["", "sand_pit", "snow"]


def array(*rows: tuple[int, int, int, int]) -> LabelArray:
    """(part, answer, source, look-alike), each said by another person."""
    values = [
        (part, person, answer, source, look_alike, False)
        for person, (part, answer, source, look_alike) in enumerate(rows)
    ]
    return LabelArray(np.array(values, LABEL), SLUGS)


def items(labels: LabelArray) -> np.ndarray:
    return np.asarray(labels.rows["part"])


def test_a_parts_number_says_tile_superpixel_and_piece() -> None:
    assert part_of(part_number(70_000, 36, 3)) == (70_000, 36, 3)
    assert part_number(1, 2, 9) < part_number(1, 3, 0) < part_number(2, 1, 0)


def test_volunteers_vote_and_experts_and_imports_decide_and_the_unsure_do_neither() -> None:
    labels = array(
        (0, MINING, DESK, 0), (0, UNSURE, DESK, 0), (0, MINING, IMPORTED, 0), (0, UNSURE, EXPERT, 0)
    )
    assert labels.is_vote.tolist() == [True, False, False, False]
    assert labels.is_decision.tolist() == [False, False, True, False]


def test_the_latest_decision_stands_over_what_was_known() -> None:
    labels = array((0, NOT_MINING, EXPERT, 1), (0, MINING, EXPERT, 0), (1, MINING, IMPORTED, 0))
    truth, by_expert = with_decisions(labels, items(labels), np.array([1, 1, 1]))
    assert truth.tolist() == [MINING, MINING, 1]
    assert by_expert.tolist() == [True, False, False]


def test_the_experts_look_alike_stands_over_what_most_named() -> None:
    labels = array(
        (0, NOT_MINING, DESK, 1),
        (0, NOT_MINING, DESK, 1),
        (0, NOT_MINING, EXPERT, 2),
        (1, NOT_MINING, DESK, 1),
    )
    verdict, by_expert = np.array([NOT_MINING, NOT_MINING]), np.array([True, False])
    assert look_alikes_of(labels, items(labels), verdict, by_expert) == {0: "snow", 1: "sand_pit"}


def test_what_turned_out_to_be_mining_looks_like_nothing_else() -> None:
    labels = array((0, NOT_MINING, EXPERT, 1), (0, MINING, EXPERT, 0))
    assert look_alikes_of(labels, items(labels), np.array([MINING]), np.array([True])) == {}
