"""Where the mining lies on a marked tile: a site that learns from crops outlines the dug half of a tile, and no pixel twice."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from amberapp import storage
from detection.description import windows as described
from detection.description.segment import load_labels
from detection.features.protocol import bounding_boxes
from detection.learning import model_files
from detection.models import Classifier, Detection, Run, Tile, TileFeatures, TileScore
from detection.scenes import render_scene
from detection.segmentation.slic import segment
from detection.training.card import model_card
from labeling.desk.suggestions import suggestion_for
from tests.kept import keep
from tests.pits import told

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TAUGHT = (
    *(("mining", seed) for seed in (77, 1077, 2077, 3077, 4077)),
    ("forest", 5),
    ("field", 6),
    ("meadow", 7),
    ("bog", 8),
)
SEARCHED = 6077


def as_png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def drawn_crops() -> Iterator[tuple[str, bytes]]:
    """Boxes of superpixels of drawn scenes, named as those of 2018: mining where half of the superpixel is dug."""
    for number, (kind, seed) in enumerate(TAUGHT):
        scene = render_scene(seed, kind=kind)
        labels = segment(scene.image)
        for superpixel, box in enumerate(bounding_boxes(scene.image, labels), 1):
            share = scene.truth[labels == superpixel].mean()
            if share < 0.02 or share > 0.5:
                folder = "positive" if share > 0.5 else "negative"
                name = f"{51 + number * 0.3:.4f}_26.5_09_Mar_2015_GMT_super_{superpixel}.png"
                yield f"{folder}/{name}", as_png(scene.image[box])


@pytest.fixture
def taught(region: Any, settings: Any, home: Any, tmp_path: Any) -> Classifier:
    """A classifier of the site's default features on crops of drawn scenes, and a scene with mining that it never saw."""
    settings.AMBER = {**settings.AMBER, "AMBER_EXTRACTOR": "texture-lite0"}
    keep("taught to outline", home, lambda: learn(region, tmp_path))
    return Classifier.objects.get()


def learn(region: Any, tmp_path: Any) -> None:
    for path, data in drawn_crops():
        (tmp_path / "crops" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "crops" / path).write_bytes(data)
    told("import_crops", str(tmp_path / "crops"), "--region", region.name)
    told("train", "--region", region.name)
    data = as_png(render_scene(SEARCHED, kind="mining").image)
    Tile.objects.create(
        region=region,
        source=region.source,
        file_name="half.png",
        sha256=storage.sha256_of(data),
        image_key=storage.put(storage.content_key("images", data, ".png"), data),
        width=1000,
        height=1000,
        latitude=51.3,
        longitude=26.5,
        west=26.5,
        south=51.3,
        east=26.503,
        north=51.302,
    )


def test_the_outline_lies_on_the_pits_and_a_second_run_reads_no_pixel(
    region: Any, taught: Classifier, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = taught.metrics["outline"]
    assert figures["n"] == taught.dataset.rows and figures["average_precision"] > 0.8
    assert model_card(taught)["outline"] == figures
    told("detect", "--region", region.name)
    detection = Detection.objects.get()
    labels = load_labels(detection.segmented_tile)
    outlined = np.isin(labels, detection.superpixels)
    dug = render_scene(SEARCHED, kind="mining").truth
    assert (outlined & dug).sum() / (outlined | dug).sum() > 0.4
    score = TileScore.objects.get()
    ground = np.frombuffer(bytes(score.ground), "<f4")
    assert len(ground) == detection.segmented_tile.superpixels
    assert sorted(np.flatnonzero(ground >= figures["threshold"]) + 1) == detection.superpixels

    def never(*_arguments: Any) -> None:
        raise AssertionError("no pixel is read again")

    monkeypatch.setattr(described, "read_image", never)
    for image in (home / "storage" / "images").rglob("*.png"):
        image.unlink()
    told("detect", "--region", region.name)
    again = Detection.objects.get(run=Run.objects.first())
    assert (again.superpixels, again.outline) == (detection.superpixels, detection.outline)


def test_a_worker_killed_between_a_chunk_and_its_rows_describes_the_windows_again(
    region: Any, taught: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("detect", "--region", region.name)
    tile = Detection.objects.get().segmented_tile
    describer = described.usable_windows("texture-lite0")
    assert describer is not None
    ((grid, before),) = described.load_windows([tile], describer.key)
    assert len(before) == grid.windows[0] * grid.windows[1]
    TileFeatures.objects.filter(segmented_tile=tile, extractor_key=describer.key).delete()
    assert described.read_windows([tile], describer) == {}
    assert described.read_windows([tile], describer) == {}
    assert TileFeatures.objects.filter(segmented_tile=tile, extractor_key=describer.key).count() == 1
    ((_grid, after),) = described.load_windows([tile], describer.key)
    assert np.array_equal(before, after)


def test_a_tile_whose_image_is_lost_keeps_the_outline_of_its_scores(
    region: Any, taught: Classifier, home: Any
) -> None:
    told("detect", "--region", region.name)
    key = described.usable_windows("texture-lite0").key
    TileFeatures.objects.filter(
        extractor_key=key, segmented_tile=Detection.objects.get().segmented_tile
    ).delete()
    for image in (home / "storage" / "images").rglob("*.png"):
        image.unlink()
    told("detect", "--region", region.name)
    run = Run.objects.first()
    score, detection = TileScore.objects.get(run=run), Detection.objects.get(run=run)
    scores = np.frombuffer(bytes(score.scores), "<f4")
    assert score.ground is None
    assert detection.superpixels == (np.flatnonzero(scores >= run.threshold) + 1).tolist()


def test_a_volunteer_is_shown_what_the_outline_head_says(region: Any, taught: Classifier) -> None:
    told("detect", "--region", region.name)
    score = TileScore.objects.select_related("run", "segmented_tile").get()
    claim = type(
        "Claim", (), {"run": score.run, "blind": False, "segmented_tile_id": score.segmented_tile_id}
    )()
    told_to_alice = suggestion_for(claim)
    assert told_to_alice.threshold == taught.metrics["outline"]["threshold"]
    assert told_to_alice.probabilities == [
        round(float(p), 2) for p in np.frombuffer(bytes(score.ground), "<f4")
    ]


def test_both_heads_are_one_file_and_a_changed_one_is_refused(taught: Classifier) -> None:
    data = storage.get(taught.model_key)
    fitted = model_files.load(data)
    assert fitted.outline.threshold == taught.metrics["outline"]["threshold"]
    assert model_files.save(fitted) == data
    place = data.index(b"outline.npz") + 4000
    with pytest.raises(ValueError, match="damaged"):
        model_files.load(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
