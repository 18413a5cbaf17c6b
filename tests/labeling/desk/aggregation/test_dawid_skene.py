"""The estimator against the paper's worked example, simple truths, and one submission at a time against all at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from labeling.desk.aggregation import turns
from labeling.desk.aggregation.dawid_skene import (
    CLASS_PRIOR,
    Answers,
    DawidSkeneFit,
    fit,
    newcomer_prior,
    probabilities,
    shares,
    update,
)

# Dawid and Skene (1979), Table 1: 45 patients' fitness for anaesthesia, 1 to 4, patient by patient. The first
# observer assessed everybody three times, the other four once.
TABLE_1 = (
    "111 1 1 1 1,333 4 3 3 4,112 2 1 2 2,222 3 1 2 1,222 3 2 2 2,222 3 3 2 2,122 2 1 1 1,333 3 4 3 3,222 2 2 2 3,"
    "232 2 2 2 3,444 4 4 4 4,222 3 3 4 3,111 1 1 1 1,222 3 2 1 2,121 1 1 1 1,111 2 1 1 1,111 1 1 1 1,111 1 1 1 1,"
    "222 2 2 2 1,222 1 3 2 2,222 2 2 2 2,222 2 2 2 1,222 3 2 2 2,221 2 2 2 2,111 1 1 1 1,111 1 1 1 1,232 2 2 2 2,"
    "111 1 1 1 1,111 1 1 1 1,112 1 1 2 1,111 1 1 1 1,333 3 2 3 3,111 1 1 1 1,222 2 2 2 2,222 3 2 3 2,433 4 3 4 3,"
    "221 2 2 3 2,232 3 2 3 3,333 3 4 3 2,111 1 1 1 1,111 1 1 1 1,121 2 1 1 1,232 2 2 2 2,121 1 1 1 1,222 2 2 2 2"
)
# Table 2, the error rates in hundredths: observer, true response, recorded response.
TABLE_2 = [
    [[89, 11, 0, 0], [7, 88, 5, 0], [0, 34, 66, 0], [0, 0, 56, 44]],
    [[83, 17, 0, 0], [5, 63, 31, 0], [0, 0, 100, 0], [0, 0, 0, 100]],
    [[100, 0, 0, 0], [11, 79, 11, 0], [0, 40, 20, 40], [0, 0, 67, 33]],
    [[94, 6, 0, 0], [5, 84, 10, 0], [0, 0, 80, 20], [0, 0, 33, 67]],
    [[100, 0, 0, 0], [16, 73, 11, 0], [0, 21, 79, 0], [0, 0, 33, 67]],
]
PATIENTS, OBSERVERS, RESPONSES = 45, 5, 4


def table_1() -> Answers:
    rows = [
        (patient, observer, int(response) - 1)
        for patient, line in enumerate(TABLE_1.split(","))
        for observer, responses in enumerate(line.split())
        for response in responses
    ]
    return Answers(*np.array(rows).T)


def paper(answers: Answers) -> DawidSkeneFit:
    return fit(answers, n_items=PATIENTS, n_raters=OBSERVERS, n_classes=RESPONSES, tolerance=1e-8)


def test_the_papers_example_gives_the_papers_figures() -> None:
    found = paper(table_1())
    assert found.converged
    assert found.classes.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]
    assert (100 * probabilities(found.counts)).round().astype(int).tolist() == TABLE_2
    best = found.posteriors.argmax(axis=1) + 1
    assert best[[1, 2, 35, 37]].tolist() == [4, 2, 4, 3], (
        "where the majority of the answers would say 3, 2, 3 and 3"
    )
    unsure = {int(patient) + 1 for patient in np.flatnonzero(found.posteriors.max(axis=1) < 0.995)}
    assert unsure == {7, 35, 38}
    assert found.posteriors[[6, 34, 37]].round(2).tolist() == [
        [0.98, 0.02, 0, 0],
        [0, 0.95, 0.05, 0],
        [0, 0.02, 0.98, 0],
    ]


def test_answers_given_as_counts_are_the_same_answers() -> None:
    answers = table_1()
    rows, count = np.unique(
        np.column_stack([answers.item, answers.rater, answers.answer]), axis=0, return_counts=True
    )
    counted = paper(Answers(*rows.T, count=count.astype(float)))
    assert len(rows) < len(answers.item)
    np.testing.assert_allclose(counted.posteriors, paper(answers).posteriors, atol=1e-9)
    np.testing.assert_allclose(counted.counts, paper(answers).counts, atol=1e-9)


def test_no_round_makes_the_answers_less_likely() -> None:
    rounds = [
        fit(
            table_1(),
            n_items=PATIENTS,
            n_raters=OBSERVERS,
            n_classes=RESPONSES,
            tolerance=0,
            max_iterations=number,
        ).log_likelihood
        for number in range(1, 12)
    ]
    assert np.diff(rounds).min() >= -1e-9
    assert rounds[-1] == pytest.approx(-192.89, abs=0.01)


# --- a crowd of Amber's -------------------------------------------------------------------------------------------

PRIOR, CLASSES = newcomer_prior(), np.array(CLASS_PRIOR)
MINING, NOT_MINING, MIXED = range(3)


class Crowd:
    """60 tiles of 25 superpixels; 30 people right in 60% to 95%, three who say "not mining" to everything."""

    tiles, pieces, people = 60, 25, 30

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.truth = draw.choice(3, (self.tiles, self.pieces), p=[0.2, 0.77, 0.03])
        self.accuracy = draw.uniform(0.6, 0.95, self.people)
        self.submissions: list[tuple[int, int, np.ndarray]] = []
        for tile in range(self.tiles):
            for who in draw.choice(self.people, 4, replace=False):
                right = draw.random(self.pieces) < self.accuracy[who]
                other = (self.truth[tile] + draw.integers(1, 3, self.pieces)) % 3
                said = (
                    np.where(right, self.truth[tile], other) if who >= 3 else np.full(self.pieces, NOT_MINING)
                )
                self.submissions.append((tile, int(who), said))
        draw.shuffle(self.submissions)

    def all_answers(self) -> Answers:
        inside = np.arange(self.pieces)
        return Answers(
            item=np.concatenate([tile * self.pieces + inside for tile, _, _ in self.submissions]),
            rater=np.repeat([who for _, who, _ in self.submissions], self.pieces),
            answer=np.concatenate([said for _, _, said in self.submissions]),
        )

    def full(self, **more: object) -> DawidSkeneFit:
        return fit(
            self.all_answers(),
            n_items=self.truth.size,
            n_raters=self.people,
            prior=PRIOR,
            class_prior=CLASSES,
            tolerance=1e-6,
            **more,
        )


def test_the_crowd_together_is_better_than_its_majority_and_knows_who_is_how_good() -> None:
    crowd = Crowd(1)
    found, answers = crowd.full(), crowd.all_answers()
    right = found.posteriors.argmax(axis=1) == crowd.truth.ravel()
    votes = np.bincount(answers.item * 3 + answers.answer, minlength=crowd.truth.size * 3).reshape(-1, 3)
    assert right.mean() >= (votes.argmax(axis=1) == crowd.truth.ravel()).mean() + 0.03
    reliability = turns.reliability(found.counts, PRIOR)
    assert np.corrcoef(reliability[3:], crowd.accuracy[3:])[0, 1] > 0.8
    assert reliability[:3].max() < turns.reliability(np.zeros((3, 3)), PRIOR) < turns.RELIABLE, (
        "who says the same to everything is less reliable than a newcomer, and a newcomer is not reliable yet"
    )
    assert found.classes == pytest.approx([0.2, 0.77, 0.03], abs=0.04)


def test_the_same_answers_in_another_order_give_the_same() -> None:
    crowd = Crowd(2)
    first = crowd.full()
    crowd.submissions.reverse()
    np.testing.assert_allclose(crowd.full().posteriors, first.posteriors, atol=1e-5)


def test_what_is_known_stays_and_teaches_who_is_right() -> None:
    # Two against one, and the one is right wherever the answer is known.
    item, rater = np.repeat(np.arange(40), 3), np.tile(np.arange(3), 40)
    answer = np.where(rater == 0, item % 2, 1 - item % 2)
    truth = np.where(np.arange(40) < 20, np.arange(40) % 2, -1)
    answers = Answers(item, rater, answer)
    blind = fit(answers, n_items=40, n_raters=3, prior=PRIOR)
    taught = fit(answers, n_items=40, n_raters=3, prior=PRIOR, truth=truth)
    assert (blind.posteriors[20:].argmax(axis=1) == 1 - np.arange(20, 40) % 2).all()
    assert (taught.posteriors[20:].argmax(axis=1) == np.arange(20, 40) % 2).all()
    assert (taught.posteriors[np.arange(20), truth[:20]] == 1).all()


def test_a_known_item_outside_the_population_does_not_bend_the_class_shares() -> None:
    answers = Answers(
        np.arange(30), np.zeros(30, dtype=int), np.where(np.arange(30) < 20, MINING, NOT_MINING)
    )
    truth = np.where(np.arange(30) < 20, MINING, NOT_MINING)
    population = np.arange(30) >= 20
    found = fit(answers, n_items=30, n_raters=1, truth=truth, population=population)
    assert found.class_counts.tolist() == [0, 10, 0]
    assert found.counts[0].tolist() == [[20, 0, 0], [0, 10, 0], [0, 0, 0]]


def test_somebody_in_quarantine_says_nothing_but_is_still_watched() -> None:
    crowd = Crowd(3)
    out = np.ones(crowd.people)
    out[:3] = 0
    found, answers = crowd.full(weight=out), crowd.all_answers()
    heard = answers.rater >= 3
    without = fit(
        Answers(answers.item[heard], answers.rater[heard], answers.answer[heard]),
        n_items=crowd.truth.size,
        n_raters=crowd.people,
        prior=PRIOR,
        class_prior=CLASSES,
        tolerance=1e-6,
    )
    both = ~np.isnan(without.posteriors[:, 0])
    np.testing.assert_allclose(found.posteriors[both], without.posteriors[both], atol=1e-3)
    assert without.counts[:3].sum() == 0
    assert found.counts[:3, :, NOT_MINING].sum() == pytest.approx((~heard).sum())


def test_a_newcomer_counts_as_moderately_reliable_and_two_of_them_settle_only_what_is_common() -> None:
    assert probabilities(np.zeros((1, 3, 3)), PRIOR)[0].diagonal() == pytest.approx([0.75] * 3)
    two = {
        answer: fit(
            Answers(np.zeros(2, dtype=int), np.arange(2), np.full(2, answer)),
            n_items=1,
            n_raters=2,
            prior=PRIOR * 1000,
            class_prior=CLASSES * 1000,
        ).posteriors[0, answer]
        for answer in (MINING, NOT_MINING)
    }
    assert two[NOT_MINING] > 0.95 > two[MINING] > 0.5


def test_where_nobody_spoke_nothing_is_known() -> None:
    found = fit(Answers(np.array([1]), np.array([0]), np.array([MINING])), n_items=3, n_raters=2)
    assert np.isnan(found.posteriors[[0, 2]]).all()
    assert found.class_counts == pytest.approx([1, 0, 0])
    nobody = np.array([], dtype=int)
    empty = fit(Answers(nobody, nobody, nobody), n_items=2, n_raters=0)
    assert np.isnan(empty.posteriors).all()
    assert shares(empty.class_counts).tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("wrong", [(5, 0, 0), (0, 2, 0), (0, 0, 3), (-1, 0, 0)])
def test_a_number_out_of_range_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="outside"):
        fit(Answers(*(np.array([part]) for part in wrong)), n_items=5, n_raters=2)


def test_lengths_that_differ_and_a_truth_that_is_no_class_are_refused() -> None:
    one, two = np.zeros(1, dtype=int), np.zeros(2, dtype=int)
    with pytest.raises(ValueError, match="length"):
        fit(Answers(one, two, two), n_items=1, n_raters=1)
    with pytest.raises(ValueError, match="truth"):
        fit(Answers(one, one, one), n_items=1, n_raters=1, truth=np.array([3]))


# --- one submission at a time -------------------------------------------------------------------------------------


class Stream:
    """The estimate as the site keeps it: every change goes through `update`."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.posteriors = np.full((crowd.tiles, crowd.pieces, 3), np.nan)
        self.counts, self.class_counts = np.zeros((crowd.people, 3, 3)), np.zeros(3)
        self.given: dict[int, dict[int, np.ndarray]] = {tile: {} for tile in range(crowd.tiles)}

    def set(self, tile: int, given: dict[int, np.ndarray]) -> None:
        people = sorted({*self.given[tile], *given})
        found = update(
            before=self.answers(self.given[tile], people),
            after=self.answers(given, people),
            old_posteriors=self.posteriors[tile],
            counts=self.counts[people],
            class_counts=self.class_counts,
            prior=PRIOR,
            class_prior=CLASSES,
        )
        self.posteriors[tile], self.counts[people] = found.posteriors, found.counts
        self.class_counts, self.given[tile] = found.class_counts, given

    def answers(self, given: dict[int, np.ndarray], people: list[int]) -> Answers:
        inside = np.arange(self.crowd.pieces)
        return Answers(
            item=np.tile(inside, len(given)),
            rater=np.repeat([people.index(who) for who in given], self.crowd.pieces),
            answer=np.concatenate([*given.values(), np.array([], dtype=int)]),
        )

    def difference(self) -> tuple[float, float]:
        """Share of decided superpixels with another verdict than the full estimation's, mean largest difference."""
        full = self.crowd.full().posteriors
        mine = self.posteriors.reshape(full.shape)
        decided = mine.max(axis=1) >= 0.95
        return (
            float((mine.argmax(axis=1) != full.argmax(axis=1))[decided].mean()),
            float(np.abs(mine - full).max(axis=1).mean()),
        )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_submission_at_a_time_says_what_all_at_once_says(seed: int) -> None:
    stream = Stream(Crowd(seed))
    for tile, who, said in stream.crowd.submissions:
        stream.set(tile, {**stream.given[tile], who: said})
    other_verdict, mean = stream.difference()
    assert other_verdict <= 0.01
    assert mean <= 0.04
    for tile in range(stream.crowd.tiles):
        stream.set(tile, stream.given[tile])
    assert stream.difference()[1] <= mean / 2, "going over old tiles once more brings it nearer"


def test_the_counts_are_always_those_of_the_posteriors() -> None:
    stream = Stream(Crowd(4))
    for tile, who, said in stream.crowd.submissions[:80]:
        stream.set(tile, {**stream.given[tile], who: said})
    expected = np.zeros_like(stream.counts)
    for tile, given_ in stream.given.items():
        for who, said in given_.items():
            for piece, answer in enumerate(said):
                expected[who, :, answer] += stream.posteriors[tile, piece]
    np.testing.assert_allclose(stream.counts, expected, atol=1e-9)
    np.testing.assert_allclose(stream.class_counts, np.nansum(stream.posteriors, axis=(0, 1)), atol=1e-9)


def test_labels_taken_back_leave_nothing_behind() -> None:
    stream = Stream(Crowd(5))
    for tile, who, said in stream.crowd.submissions[:40]:
        stream.set(tile, {**stream.given[tile], who: said})
    for tile in range(stream.crowd.tiles):
        stream.set(tile, {})
    assert np.isnan(stream.posteriors).all()
    np.testing.assert_allclose(stream.counts, 0, atol=1e-9)
    np.testing.assert_allclose(stream.class_counts, 0, atol=1e-9)


def test_of_a_known_tile_the_new_answers_are_enough() -> None:
    nobody = np.array([], dtype=int)
    found = update(
        before=Answers(nobody, nobody, nobody),
        after=Answers(np.arange(3), np.zeros(3, dtype=int), np.array([MINING, MINING, NOT_MINING])),
        old_posteriors=np.full((3, 3), np.nan),
        counts=np.full((1, 3, 3), 2.0),
        class_counts=np.array([5.0, 6.0, 7.0]),
        truth=np.array([MINING, NOT_MINING, NOT_MINING]),
        population=np.zeros(3, dtype=bool),
        prior=PRIOR,
        class_prior=CLASSES,
    )
    assert (found.counts[0] - 2.0).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert found.class_counts.tolist() == [5, 6, 7]


@settings(max_examples=60, deadline=None)
@given(
    rows=numpy_strategies.arrays(
        np.int64, st.tuples(st.integers(0, 40), st.just(3)), elements=st.integers(0, 2)
    ),
    fixed=st.lists(st.integers(-1, 2), min_size=3, max_size=3),
    with_prior=st.booleans(),
)
def test_whatever_is_answered_posteriors_are_probabilities(
    rows: np.ndarray, fixed: list[int], with_prior: bool
) -> None:
    found = fit(
        Answers(*rows.T), n_items=3, n_raters=3, truth=np.array(fixed), prior=PRIOR if with_prior else None
    )
    heard = np.isin(np.arange(3), rows[:, 0]) | (np.array(fixed) >= 0)
    assert np.isnan(found.posteriors[~heard]).all()
    np.testing.assert_allclose(found.posteriors[heard].sum(axis=1), 1)
    assert found.counts.sum() == pytest.approx(len(rows))
    np.testing.assert_allclose(probabilities(found.counts, PRIOR).sum(axis=-1), 1)
