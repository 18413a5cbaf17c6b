"""Feature extraction, as in 2018 and as now: from JPEG on disk to scores in the database, on the same real tiles, in one run.

    python -m benchmarks.first_pass --tiles ../shared/data/tiles/bing [--weights FILE] [--count 56]

The route of 2018: one process that may use every core; each tile is decoded, cut by SLIC at full resolution, its 20–30
bounding boxes resized to 224×224, described by Keras `predict`, scored by XGBoost with 5000 trees of depth 4, and its scores
committed to SQLite, one tile after another. Ours: a region with the same pictures, `start_run`, and two processes that call
`work_on` with one thread each, as two Celery children do; SQLite. Where the folder holds few tiles they are taken again.

Not measured, for both: starting programs, loading and converting networks, fitting classifiers (on made numbers: only the cost
of asking them counts here). Without --weights ResNet50's weights are random, which costs the same time; the cosines printed are
then not those of ImageNet's.

Two rates are printed. As it passed, at the load stated: on a machine that does nothing else this is the figure. And on two free
cores, from processor seconds, which other programs disturb less: ours with both cores busy; that of 2018 with its single-threaded
stages one after another and Keras as if it used both cores perfectly, which flatters it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import multiprocessing
import os
import resource
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import crowd_site

WORKERS = 2
SHARD_TILES = 7
EXTRACTORS = ("texture-lite0", "texture", "resnet50-dense", "resnet50")
WANTED = {"texture": 20, "resnet50-dense": 20, "resnet50": 6}
# The old route is slow: it is shown fewer of the tiles.
OLD_SHARE = 4
SPAWN = multiprocessing.get_context("spawn")


@dataclass
class Measured:
    """`seconds` as they passed; `processor` seconds and `stages` summed over processes; MB of the largest.

    `free_seconds`: what it would take on two cores that do nothing else.
    """

    route: str
    tiles: int
    seconds: float
    processor: float
    free_seconds: float
    stages: dict[str, float]
    megabytes: float
    load: float

    @property
    def rate(self) -> float:
        return self.tiles / self.seconds

    @property
    def free_rate(self) -> float:
        return self.tiles / self.free_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="Keras ResNet50 without its top; random if absent")
    parser.add_argument("--count", type=int, default=56, help="tiles of our routes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = sorted(file for file in options.tiles.iterdir() if file.suffix.lower() in {".jpg", ".jpeg"})
    if not files or options.count < SHARD_TILES:
        parser.error(f"--tiles: a folder with JPEG files; --count: at least {SHARD_TILES}")
    with tempfile.TemporaryDirectory(prefix="amber-first-pass-") as made:
        home = Path(made)
        weights = options.weights.resolve() if options.weights else home / "random.weights.h5"
        if not options.weights:
            print("ResNet50 has random weights: the speed is that of ImageNet's, the features mean nothing.")
            _in_process(_make_weights, str(weights))
        measured = [_old_route(files, options.count // OLD_SHARE, weights, home)]
        _print(measured[0], None)
        for found in _our_routes(files, options.count, weights, home / "site"):
            measured.append(found)
            _print(found, measured[0])
    if options.json:
        print(json.dumps([asdict(one) | {"rate": one.rate, "free_rate": one.free_rate} for one in measured]))


def _print(one: Measured, old: Measured | None) -> None:
    against = ""
    if old is not None:
        against = (
            f"; {one.rate / old.rate:.1f}× as passed, {one.free_rate / old.free_rate:.1f}× on two free cores"
            f"{f' (wanted {WANTED[one.route]}×)' if one.route in WANTED else ''}"
        )
    print(
        f"{one.route}: {one.tiles} tiles in {one.seconds:.1f} s = {one.rate:.2f} a second at load {one.load:.1f}, "
        f"{1000 * one.processor / one.tiles:.0f} ms of processor a tile = {one.free_rate:.2f} on two free cores{against}; process {one.megabytes:.0f} MB"
    )
    kind = "processor ms" if old is None else "ms as they passed"
    print(
        f"    {kind} a tile: "
        + ", ".join(f"{name} {1000 * spent / one.tiles:.1f}" for name, spent in one.stages.items())
    )


# The route of 2018 ---------------------------------------------------------------------------------------------------


def _old_route(files: list[Path], count: int, weights: Path, home: Path) -> Measured:
    model = home / "trees.json"
    _in_process(_fit_trees, str(model))
    chosen = [str(files[number % len(files)]) for number in range(max(count, 1))]
    return _in_process(_run_old, chosen, str(weights), str(model), str(home / "old.sqlite3"))


def _run_old(files: list[str], weights: str, trees: str, database: str) -> Measured:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import xgboost
    from keras.applications.resnet50 import ResNet50, preprocess_input
    from PIL import Image
    from scipy.ndimage import find_objects
    from skimage.segmentation import slic

    network = ResNet50(include_top=False, weights=None, pooling="avg", input_shape=(224, 224, 3))
    network.load_weights(weights)
    classifier = xgboost.XGBClassifier()
    classifier.load_model(trees)
    rows = sqlite3.connect(database)
    rows.execute("CREATE TABLE scores (tile TEXT, scores BLOB)")
    stages: dict[str, float] = defaultdict(float)

    def one(file: str) -> None:
        clock = _Clock(stages)
        image = np.asarray(Image.open(file).convert("RGB"))
        clock("decode")
        labels = slic(image, n_segments=30, compactness=35, sigma=1, start_label=1)
        clock("SLIC")
        crops = [
            keras.utils.img_to_array(Image.fromarray(image[box]).resize((224, 224), Image.Resampling.NEAREST))
            for box in find_objects(labels)
        ]
        batch = preprocess_input(np.stack(crops))
        clock("crops")
        features = network.predict(batch, verbose=0)
        clock("ResNet50")
        scores = classifier.predict_proba(features)[:, 1]
        clock("XGBoost")
        with rows:
            rows.execute("INSERT INTO scores VALUES (?, ?)", (file, scores.astype("<f4").tobytes()))
        clock("row")

    one(files[0])
    stages.clear()
    load, used, began = os.getloadavg()[0], time.process_time(), time.perf_counter()
    for file in files:
        one(file)
    seconds = time.perf_counter() - began
    processor = time.process_time() - used
    return Measured(
        "2018",
        len(files),
        seconds,
        processor,
        processor - stages["ResNet50"] * (1 - 1 / WORKERS),
        dict(stages),
        _peak_megabytes(),
        load,
    )


def _fit_trees(path: str) -> None:
    """5000 trees of depth 4: a hundred fitted on made numbers, fifty times over; asking them costs the same."""
    import xgboost

    draw = np.random.default_rng(0)
    features = draw.normal(0, 1, (744, 2048)).astype(np.float32)
    classifier = xgboost.XGBClassifier(
        learning_rate=0.01, n_estimators=100, max_depth=4, colsample_bytree=0.1, subsample=0.8
    )
    classifier.fit(features, features[:, :64].sum(axis=1) > 4)
    whole = json.loads(classifier.get_booster().save_raw("json"))
    model = whole["learner"]["gradient_booster"]["model"]
    model["trees"] = [
        tree | {"id": number * len(model["trees"]) + tree["id"]}
        for number in range(50)
        for tree in model["trees"]
    ]
    model["tree_info"] = [0] * len(model["trees"])
    model["iteration_indptr"] = list(range(len(model["trees"]) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(model["trees"]))
    Path(path).write_text(json.dumps(whole))


def _make_weights(path: str) -> None:
    import keras

    keras.utils.set_random_seed(4)
    keras.applications.ResNet50(include_top=False, weights=None, input_shape=(None, None, 3)).save_weights(
        path
    )


# Ours ----------------------------------------------------------------------------------------------------------------


def _our_routes(files: list[Path], count: int, weights: Path, home: Path) -> Iterator[Measured]:
    crowd_site.prepare(home, "")
    os.environ["AMBER_RESNET50_WEIGHTS"] = str(weights)
    os.environ["AMBER_SHARD_TILES"] = str(SHARD_TILES)
    from django.conf import settings

    settings.AMBER["AMBER_RESNET50_WEIGHTS"] = str(weights)
    settings.AMBER["AMBER_SHARD_TILES"] = SHARD_TILES
    for name in EXTRACTORS:
        began = time.perf_counter()
        region, warming = (
            _region(name, files, count),
            _region(f"{name} warming", files, WORKERS * SHARD_TILES),
        )
        key, warnings = _in_process(_make_extractor, name)
        print(f"{name}: key {key}, ready after {time.perf_counter() - began:.0f} s{_checked(name, home)}")
        for warning in warnings:
            print(f"    {warning}")
        yield _run_ours(name, key, region, warming)


def _checked(name: str, home: Path) -> str:
    for record in (home / "engines").glob("*/record.json"):
        found = json.loads(record.read_text())["checked"].get(name)
        if found:
            return f"; cosine to Keras at least {found['minimum']}, mean {found['mean']}, on {found['pieces']} pieces"
    return ""


def _make_extractor(name: str) -> tuple[str, tuple[str, ...]]:
    """In a process of its own: converts where that is due."""
    import django

    django.setup()
    from detection.description.features import usable_extractor

    extractor = usable_extractor(name)
    return extractor.key, extractor.warnings


def _region(name: str, files: list[Path], count: int) -> Any:
    """A region of `count` tiles with these pictures, each taken again under another hash where they are few."""
    from amberapp import storage
    from detection.models import ImagerySource, Region, Tile

    source, _ = ImagerySource.objects.get_or_create(name="Real tiles", defaults={"attribution": "measured"})
    region = Region.objects.create(name=name, slug=name.replace(" ", "-"), source=source)
    pictures = []
    for file in files:
        data = file.read_bytes()
        from detection.imagery.decode import read_image

        height, width = read_image(data).pixels.shape[:2]
        pictures.append((storage.put(storage.content_key("images", data, ".jpg"), data), height, width))
    Tile.objects.bulk_create(
        Tile(
            region=region,
            source=source,
            file_name=files[number % len(files)].name,
            sha256=hashlib.sha256(f"{name} {number}".encode()).hexdigest(),
            image_key=pictures[number % len(files)][0],
            height=pictures[number % len(files)][1],
            width=pictures[number % len(files)][2],
        )
        for number in range(count)
    )
    return region


def _run_ours(name: str, key: str, region: Any, warming: Any) -> Measured:
    from benchmarks.made_region import make_classifier
    from detection.models import TileScore
    from detection.runs.runs import start_run

    dimension = _in_process(_dimension, name, key)
    runs = []
    for one in (warming, region):
        classifier = make_classifier(one, "xgboost", dimension=dimension, key=key)
        classifier.extractor = name
        classifier.save(update_fields=["extractor"])
        runs.append(start_run(region=one, classifier=classifier, acting_user=None))
    results: Any = SPAWN.Queue()
    ready = SPAWN.Barrier(WORKERS + 1)
    from django.db import connections

    connections.close_all()
    workers = [
        SPAWN.Process(target=_work, args=([run.pk for run in runs], ready, results)) for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    ready.wait(300)
    load, began = os.getloadavg()[0], time.perf_counter()
    told = [results.get(timeout=1200) for _worker in workers]
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    run = runs[1]
    run.refresh_from_db()
    scored = TileScore.objects.filter(run=run).count()
    if run.state != "done" or scored != run.tiles:
        raise SystemExit(f"{run} is {run.state} with {scored} of {run.tiles} tiles scored")
    stages: dict[str, float] = defaultdict(float)
    for _used, spent, _megabytes in told:
        for stage, took in spent.items():
            stages[stage] += took
    processor = sum(used for used, _spent, _megabytes in told)
    return Measured(
        name,
        run.tiles,
        seconds,
        processor,
        processor / WORKERS,
        dict(stages),
        max(megabytes for _used, _spent, megabytes in told),
        load,
    )


def _dimension(name: str, key: str) -> int:
    import django

    django.setup()
    from detection.description.features import usable_extractor

    return usable_extractor(name, key).dimension


def _work(runs: list[int], ready: Any, results: Any) -> None:
    """A worker's child: the first run warms it up, the second is measured."""
    import django

    django.setup()
    from detection.runs import runs as actions
    from detection.runs import shards

    stages: dict[str, float] = defaultdict(float)
    read_tiles = shards.read_tiles

    def noted(*arguments: Any, **options: Any) -> Any:
        outcome = read_tiles(*arguments, **options)
        for stage, spent in outcome.seconds.items():
            stages[stage] += spent
        return outcome

    shards.read_tiles = noted
    # One shard each: the barrier behind it lets nobody begin before both are warm.
    actions.work_on(runs[0], 1)
    stages.clear()
    ready.wait(300)
    used, began = time.process_time(), time.perf_counter()
    while actions.work_on(runs[1], 1):
        pass
    spent = time.perf_counter() - began
    stages["scores, rows, claiming"] = spent - sum(stages.values())
    results.put((time.process_time() - used, dict(stages), _peak_megabytes()))


class _Clock:
    """Adds the processor time of all threads since its last call to a stage."""

    def __init__(self, stages: dict[str, float]) -> None:
        self.stages, self.last = stages, time.process_time()

    def __call__(self, stage: str) -> None:
        now = time.process_time()
        self.stages[stage] += now - self.last
        self.last = now


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` returns, done by a process that ends and gives its memory back."""
    with contextlib.closing(SPAWN.Pool(1)) as pool:
        return pool.apply(work, arguments)


if __name__ == "__main__":
    main()
