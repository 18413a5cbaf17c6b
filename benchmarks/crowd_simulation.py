"""A simulated crowd labels superpixels: how right the consensus is, for how many votes, and how soon bots are out.

    python -m benchmarks.crowd_simulation [--seeds 5] [--tiles 400] [--volunteers 100] [--uneven] [--alike]
                                          [--revisit 0] [--json]
    python -m benchmarks.crowd_simulation --estimate 2000000

Volunteers are right with a probability of 0.6 to 0.95 (with --uneven drawn anew for every class); every tenth
account answers one class whatever it sees. Tiles have 25 superpixels; one tile in ten served is a known-answer
tile. Superpixels are asked about until the stopping rule has enough; settled ones are not asked again when their
tile comes back. The same crowd, bots included, gives a fixed five votes to every superpixel for comparison.

Nothing of the answer key is used but that of the known-answer tiles. Left out: superpixels that are hard for
everybody, people who learn, and what they see of suggestions.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd_estimate import estimate
from labeling.desk.aggregation import conduct, retirement, turns
from labeling.desk.aggregation.dawid_skene import (
    CLASS_PRIOR,
    CLASSES,
    Answers,
    DawidSkeneFit,
    fit,
    newcomer_prior,
    update,
)

MINING, NOT_MINING, MIXED = range(len(CLASSES))
SUPERPIXELS = 25
GOLD_STANDARD_TILES = 40
KNOWN_SHARE = 0.1
UNSURE = 0.04
FIXED_VOTES = 5
BOTS = 0.1

Floats = NDArray[np.float64]
Said = tuple[int, int, int]
"""Superpixel of the tile, person, class."""


@dataclass(frozen=True)
class World:
    """The answer key and the people.

    - truth: (tiles, PIECES) class of every superpixel; the first KNOWN_TILES tiles are the known-answer ones
    - rates: (people, classes, classes), the probability of an answer to each true class
    - bot: (people,); activity: (people,), how often each comes, sums to 1
    """

    truth: NDArray[np.int64]
    rates: Floats
    bot: NDArray[np.bool_]
    activity: Floats

    def answers(
        self, who: int, tile: int, superpixels: NDArray[np.intp], draw: np.random.Generator
    ) -> NDArray[np.int64]:
        """What they say of these superpixels: a class or -1 for unsure."""
        upto = self.rates[who, self.truth[tile, superpixels]].cumsum(axis=1)
        said = (draw.random(len(superpixels))[:, None] > upto).sum(axis=1).clip(max=len(CLASSES) - 1)
        if not self.bot[who]:
            said[draw.random(len(superpixels)) < UNSURE] = -1
        return said


def make_world(tiles: int, people: int, uneven: bool, draw: np.random.Generator) -> World:
    """Half of the tiles show no mining, a fifth of all superpixels are mining; gold-standard tiles always show some."""
    number = GOLD_STANDARD_TILES + tiles
    share = np.where(draw.random(number) < 0.5, 0.0, draw.beta(1.4, 2.1, number))
    share[:GOLD_STANDARD_TILES] = draw.uniform(0.2, 0.6, GOLD_STANDARD_TILES)
    dice = draw.random((number, SUPERPIXELS))
    mixed = np.where(share > 0, 0.05, 0.01)[:, None]
    truth = np.where(dice < share[:, None], MINING, np.where(dice > 1 - mixed, MIXED, NOT_MINING))
    accuracy = draw.uniform(0.6, 0.95, (people, len(CLASSES)))
    if not uneven:
        accuracy[:] = accuracy[:, :1]
    # Taken for the other plain class nine times of ten; who misses a mixed one sees either.
    mistakes = np.array([[0.0, 0.9, 0.1], [0.9, 0.0, 0.1], [0.5, 0.5, 0.0]])
    rates = (1 - accuracy)[:, :, None] * mistakes + accuracy[:, :, None] * np.eye(len(CLASSES))
    bot = np.zeros(people, dtype=bool)
    bot[draw.choice(people, round(BOTS * people), replace=False)] = True
    for who in np.flatnonzero(bot):
        rates[who] = np.eye(len(CLASSES))[draw.choice(len(CLASSES), p=[0.3, 0.6, 0.1])]
    activity = draw.lognormal(0.0, 0.6, people)
    return World(truth=truth, rates=rates, bot=bot, activity=activity / activity.sum())


@dataclass
class Site:
    """What the site knows: answers given, posteriors and counts, kept up by `update` after every submission.

    - alike: everybody is served alike; otherwise who is not reliable yet continues what others have begun
    - revisit: after every submission so many of the tiles longest untouched are computed again too
    """

    world: World
    draw: np.random.Generator
    alike: bool = False
    revisit: int = 0
    quarantined_after: dict[int, int] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    update_seconds: list[float] = field(default_factory=list)
    submissions: int = 0
    known_served: int = 0
    known_labels: int = 0

    def __post_init__(self) -> None:
        tiles, people = len(self.world.truth), len(self.world.bot)
        self.said: list[list[Said]] = [[] for _ in range(tiles)]
        self.posteriors = np.full((tiles, SUPERPIXELS, len(CLASSES)), np.nan)
        self.counts = np.zeros((people, len(CLASSES), len(CLASSES)))
        self.class_counts = np.zeros(len(CLASSES))
        self.weight = np.ones(people)
        self.state = np.zeros((tiles, SUPERPIXELS), dtype=np.int8)
        self.state[:GOLD_STANDARD_TILES] = retirement.STATES.index(retirement.RETIRED)
        self.looked = np.zeros((tiles, people, SUPERPIXELS), dtype=bool)
        self.seen: list[set[int]] = [set() for _ in range(people)]
        self.labels = np.zeros(people, dtype=int)
        self.touched: dict[int, None] = {}
        self.prior, self.class_prior = newcomer_prior(), np.array(CLASS_PRIOR)

    def turns(self) -> Iterator[tuple[int, int]]:
        """Who comes next and what they are served, until nobody can do anything for an open superpixel."""
        idle: set[int] = set()
        while True:
            chance = np.where(self.weight > 0, self.world.activity, 0.0)
            chance[list(idle)] = 0.0
            wanting = np.flatnonzero((self.state == 0).any(axis=1)).tolist()
            if not wanting or not chance.sum():
                return
            who = int(self.draw.choice(len(chance), p=chance / chance.sum()))
            new_to_them = [tile for tile in wanting if tile not in self.seen[who]]
            if not new_to_them:
                idle.add(who)
                continue
            known = [tile for tile in range(GOLD_STANDARD_TILES) if tile not in self.seen[who]]
            if known and self.draw.random() < KNOWN_SHARE:
                tile = known[self.draw.integers(len(known))]
                self.known_served += 1
            else:
                tile = self.choose(who, new_to_them)
            self.submissions += 1
            yield who, tile

    def choose(self, who: int, tiles: list[int]) -> int:
        """Tiles that want most votes first; who is not reliable yet continues tiles that others have begun."""
        reliable = turns.reliability(self.counts[who], self.prior) >= turns.RELIABLE
        begun = [tile for tile in tiles if self.said[tile]]
        if self.alike or reliable or not begun:
            return tiles[int((self.state[tiles] == 0).sum(axis=1).argmax())]
        return begun[self.draw.integers(len(begun))]

    def submit(self, who: int, tile: int) -> None:
        """One person labels the open superpixels of a tile (all of a known one); the consensus and the rules follow."""
        known = tile < GOLD_STANDARD_TILES
        superpixels = np.arange(SUPERPIXELS) if known else np.flatnonzero(self.state[tile] == 0)
        answers = self.world.answers(who, tile, superpixels, self.draw)
        self.seen[who].add(tile)
        self.labels[who] += len(superpixels)
        self.known_labels += len(superpixels) * known
        self.looked[tile, who, superpixels] = True
        decided = zip(superpixels.tolist(), answers.tolist(), strict=True)
        self.recompute(tile, [(superpixel, who, said) for superpixel, said in decided if said >= 0])
        for other in list(self.touched)[: self.revisit]:
            self.recompute(other, [])
        reason = conduct.suspicion(self.record(who))
        if reason:
            self.quarantine(who, reason)

    def recompute(self, tile: int, new: list[Said]) -> None:
        """The posteriors of a tile after new answers, or after somebody's weight changed."""
        known = tile < GOLD_STANDARD_TILES
        # Of a gold-standard tile nothing but the new answers matters: its truth does not move.
        before = [] if known else self.said[tile]
        after = before + new
        involved = sorted({rater for _, rater, _ in after})
        place = {rater: number for number, rater in enumerate(involved)}
        old = self.posteriors[tile]
        started = time.perf_counter()
        found = update(
            before=_flat(before, place),
            after=_flat(after, place),
            old_posteriors=np.full_like(old, np.nan) if known else old,
            counts=self.counts[involved],
            class_counts=self.class_counts,
            truth=self.world.truth[tile] if known else None,
            weight=self.weight[involved],
            population=np.zeros(SUPERPIXELS, dtype=bool) if known else None,
            prior=self.prior,
            class_prior=self.class_prior,
        )
        self.update_seconds.append(time.perf_counter() - started)
        self.said[tile] = self.said[tile] + new
        self.posteriors[tile] = found.posteriors
        self.counts[involved] = found.counts
        self.class_counts = found.class_counts
        if not known:
            self.touched.pop(tile, None)
            self.touched[tile] = None
            self.restate(tile)

    def restate(self, tile: int) -> None:
        votes = np.bincount(
            [superpixel for superpixel, rater, _ in self.said[tile] if self.weight[rater]],
            minlength=SUPERPIXELS,
        )
        looks = self.looked[tile, self.weight > 0].sum(axis=0)
        self.state[tile] = retirement.states(np.nan_to_num(self.posteriors[tile]).max(axis=1), votes, looks)

    def record(self, who: int) -> conduct.Record:
        settled = np.zeros((len(CLASSES), len(CLASSES)), dtype=int)
        known = settled.copy()
        for tile in self.seen[who]:
            for superpixel, rater, said in self.said[tile]:
                if rater != who:
                    continue
                if tile < GOLD_STANDARD_TILES:
                    known[self.world.truth[tile, superpixel], said] += 1
                elif self.state[tile, superpixel] == 1:
                    settled[self.posteriors[tile, superpixel].argmax(), said] += 1
        return conduct.Record(settled=(settled + known).tolist(), known=known.tolist())

    def quarantine(self, who: int, reason: str) -> None:
        self.quarantined_after[who] = int(self.labels[who])
        self.reasons[reason] += 1
        self.weight[who] = 0.0
        for tile in self.seen[who]:
            if tile >= GOLD_STANDARD_TILES:
                self.recompute(tile, [])

    def everything(self) -> tuple[Answers, DawidSkeneFit]:
        """All answers so far, and the full estimation from them."""
        rows = np.array(
            [
                (tile * SUPERPIXELS + superpixel, who, said)
                for tile, given in enumerate(self.said)
                for superpixel, who, said in given
            ]
        )
        answers = Answers(rows[:, 0], rows[:, 1], rows[:, 2])
        return answers, _full(self, answers)

    def adopt(self, found: DawidSkeneFit) -> None:
        self.posteriors = found.posteriors.reshape(self.posteriors.shape).copy()
        self.counts, self.class_counts = found.counts, found.class_counts
        for tile in range(GOLD_STANDARD_TILES, len(self.said)):
            self.restate(tile)


def _flat(rows: list[Said], place: dict[int, int]) -> Answers:
    return Answers(
        np.array([superpixel for superpixel, _, _ in rows], dtype=np.intp),
        np.array([place[rater] for _, rater, _ in rows], dtype=np.intp),
        np.array([said for _, _, said in rows], dtype=np.intp),
    )


def _full(site: Site, answers: Answers) -> DawidSkeneFit:
    truth = np.full(site.world.truth.shape, -1)
    truth[:GOLD_STANDARD_TILES] = site.world.truth[:GOLD_STANDARD_TILES]
    population = np.ones(site.world.truth.shape, dtype=bool)
    population[:GOLD_STANDARD_TILES] = False
    return fit(
        answers,
        n_items=site.world.truth.size,
        n_raters=len(site.weight),
        truth=truth.ravel(),
        weight=site.weight,
        population=population.ravel(),
        prior=site.prior,
        class_prior=site.class_prior,
    )


@dataclass(frozen=True)
class SimulationOutcome:
    """One simulated crowd's figures; shares and accuracies 0..1, accuracies over all unknown superpixels."""

    superpixels: int
    votes_each: float
    votes_of_fixed: float
    votes_of_fixed_with_known: float
    known_share_of_tiles: float
    retired: float
    escalated: float
    accuracy_of_retired: float
    accuracy_expert_decides_escalated: float
    accuracy_escalated_at_best_guess: float
    recall_mining: float
    recall_not_mining: float
    recall_mixed: float
    majority_of_fixed: float
    majority_of_fixed_ties_not_mining: float
    dawid_skene_of_fixed: float
    majority_of_adaptive: float
    bots: int
    bots_out: int
    bot_labels_mean: float
    bot_labels_max: int
    honest: int
    honest_out: int
    streamed_same_verdict: float
    streamed_mean_difference: float
    streamed_same_state: float
    update_ms_p95: float
    seconds: float


def simulate(
    seed: int,
    tiles: int = 400,
    people: int = 100,
    *,
    uneven: bool = False,
    alike: bool = False,
    revisit: int = 0,
) -> SimulationOutcome:
    """Everything from the first label until nothing is open, counting what the full estimation at the end opens
    again."""
    started = time.perf_counter()
    draw = np.random.default_rng(seed)
    site = Site(make_world(tiles, people, uneven, draw), draw, alike=alike, revisit=revisit)
    streamed: tuple[float, float, float] | None = None
    while True:
        before = site.submissions
        for who, tile in site.turns():
            site.submit(who, tile)
        kept, states = site.posteriors, site.state.copy()
        answers, found = site.everything()
        site.adopt(found)
        if streamed is None:
            streamed = _streamed(kept, states, site)
        elif site.submissions == before:
            break
    return _outcome(site, answers, streamed, time.perf_counter() - started)


def _streamed(kept: Floats, states: NDArray[np.int8], site: Site) -> tuple[float, float, float]:
    """How near one submission at a time came to the full estimation: the share of the posteriors decided (0.95)
    with the same verdict, the mean of the largest difference of a posterior, the share in the same state."""
    kept, full = kept[GOLD_STANDARD_TILES:], site.posteriors[GOLD_STANDARD_TILES:]
    heard = ~np.isnan(full).any(axis=2)
    kept, full = kept[heard], full[heard]
    decided = kept.max(axis=1) >= retirement.RULE.posterior
    return (
        float((kept.argmax(axis=1) == full.argmax(axis=1))[decided].mean()),
        float(np.abs(kept - full).max(axis=1).mean()),
        float((states == site.state)[GOLD_STANDARD_TILES:].mean()),
    )


def _outcome(
    site: Site, answers: Answers, streamed: tuple[float, float, float], seconds: float
) -> SimulationOutcome:
    world, unknown = site.world, slice(GOLD_STANDARD_TILES, None)
    truth, state = world.truth[unknown], site.state[unknown]
    right = np.nan_to_num(site.posteriors[unknown]).argmax(axis=2) == truth
    votes = int(site.labels.sum()) - site.known_labels
    adaptive = _spoken(answers, world.truth.size).reshape(*world.truth.shape, len(CLASSES))[unknown]
    fixed_answers, known_too = _fixed(site, answers)
    fixed = _spoken(fixed_answers, world.truth.size).reshape(*world.truth.shape, len(CLASSES))[unknown]
    # Nobody is in quarantine here: the estimator alone against the majority of the very same votes.
    site.weight[:] = 1.0
    estimated = _full(site, known_too).posteriors.reshape(*world.truth.shape, len(CLASSES))[unknown]
    given = [site.quarantined_after.get(int(who), int(site.labels[who])) for who in np.flatnonzero(world.bot)]
    honest_out = sum(not world.bot[who] for who in site.quarantined_after)
    return SimulationOutcome(
        superpixels=truth.size,
        votes_each=votes / truth.size,
        votes_of_fixed=votes / (FIXED_VOTES * truth.size),
        votes_of_fixed_with_known=(votes + site.known_labels) / (FIXED_VOTES * truth.size),
        known_share_of_tiles=site.known_served / site.submissions,
        retired=float((state == 1).mean()),
        escalated=float((state == 2).mean()),
        accuracy_of_retired=float(right[state == 1].mean()),
        accuracy_expert_decides_escalated=float((right | (state == 2)).mean()),
        accuracy_escalated_at_best_guess=float(right.mean()),
        recall_mining=float(right[truth == MINING].mean()),
        recall_not_mining=float(right[truth == NOT_MINING].mean()),
        recall_mixed=float(right[truth == MIXED].mean()),
        majority_of_fixed=float((_majority(fixed) == truth).mean()),
        majority_of_fixed_ties_not_mining=float((_majority(fixed, ties=NOT_MINING) == truth).mean()),
        dawid_skene_of_fixed=float((np.nan_to_num(estimated).argmax(axis=2) == truth).mean()),
        majority_of_adaptive=float((_majority(adaptive) == truth).mean()),
        bots=int(world.bot.sum()),
        bots_out=len(site.quarantined_after) - honest_out,
        bot_labels_mean=float(np.mean(given)),
        bot_labels_max=max(given),
        honest=int((~world.bot).sum()),
        honest_out=honest_out,
        streamed_same_verdict=streamed[0],
        streamed_mean_difference=streamed[1],
        streamed_same_state=streamed[2],
        update_ms_p95=1000 * float(np.quantile(site.update_seconds, 0.95)),
        seconds=seconds,
    )


def _spoken(answers: Answers, items: int) -> NDArray[np.int64]:
    """(items, classes): how often each answer was given."""
    cells = answers.item * len(CLASSES) + answers.answer
    return np.bincount(cells, minlength=items * len(CLASSES)).reshape(items, len(CLASSES))


def _fixed(site: Site, adaptive: Answers) -> tuple[Answers, Answers]:
    """The answers when five people label every unknown tile whole, without and with those to the gold-standard tiles."""
    rows: list[NDArray[np.int64]] = []
    world, superpixels = site.world, np.arange(SUPERPIXELS)
    for tile in range(GOLD_STANDARD_TILES, len(world.truth)):
        for who in site.draw.choice(len(world.bot), FIXED_VOTES, replace=False, p=world.activity):
            said = world.answers(int(who), tile, superpixels, site.draw)
            rows.append(
                np.column_stack([tile * SUPERPIXELS + superpixels, np.full(SUPERPIXELS, who), said])[
                    said >= 0
                ]
            )
    unknown = np.concatenate(rows)
    known = np.column_stack([adaptive.item, adaptive.rater, adaptive.answer])
    both = np.concatenate([unknown, known[adaptive.item < GOLD_STANDARD_TILES * SUPERPIXELS]])
    return Answers(*unknown.T), Answers(*both.T)


def _majority(spoken: NDArray[np.int64], ties: int = -1) -> NDArray[np.int64]:
    """The class most said so; `ties` where two are equally common: -1 is wrong, `labeling.consensus` says unsure."""
    ordered = np.sort(spoken, axis=2)
    return np.where(ordered[:, :, -1] == ordered[:, :, -2], ties, spoken.argmax(axis=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tiles", type=int, default=400)
    parser.add_argument("--volunteers", type=int, default=100)
    parser.add_argument(
        "--uneven", action="store_true", help="everybody's accuracy differs from class to class"
    )
    parser.add_argument("--alike", action="store_true", help="everybody is served alike, reliable or not")
    parser.add_argument(
        "--revisit", type=int, default=0, help="old tiles computed again after every submission"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--estimate", type=int, metavar="LABELS", help="instead: time one full estimation")
    options = parser.parse_args()
    if options.estimate:
        print(estimate(options.estimate))
        return
    outcomes = [
        simulate(
            seed,
            options.tiles,
            options.volunteers,
            uneven=options.uneven,
            alike=options.alike,
            revisit=options.revisit,
        )
        for seed in range(options.seeds)
    ]
    if options.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes]))
        return
    print(f"{'figure':<36} {'mean':>10} {'lowest':>10} {'highest':>10}")
    for name in asdict(outcomes[0]):
        values = [getattr(outcome, name) for outcome in outcomes]
        print(f"{name:<36} {np.mean(values):>10.4g} {min(values):>10.4g} {max(values):>10.4g}")


if __name__ == "__main__":
    main()
