"""Pooling over superpixels, the cache of conversions and the choice of an engine, without any network."""

import hashlib
import io
import json
import sys
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detection.description.engines import extractor_state
from detection.features import ExtractorUnavailable, conversion, dense_pooling, engines, get_extractor
from detection.features.converter import compared
from detection.features.dense_pooling import Windows, pool_windows, shrink, windows_of
from detection.features.protocol import bounding_boxes, count_superpixels
from detection.features.resnet50 import nearest, precision_of
from detection.features.resnet50_network import WeightsSource, find_weights


def small_network(images):
    """Mean red, green and blue of each 32×32 cell, and where the cell lies."""
    count, height, width, _channels = images.shape
    cells = images.reshape(count, height // 32, 32, width // 32, 32, 3).mean(axis=(2, 4), dtype=np.float64)
    rows, columns = np.mgrid[0 : height // 32, 0 : width // 32]
    places = np.broadcast_to(np.stack([rows, columns], axis=-1), (*cells.shape[:3], 2))
    return np.concatenate([cells, places], axis=-1).astype(np.float32)


def by_hand(image, labels, count):
    """Pixel by pixel: the mean over a piece's pixels of the activations of the cells that they fall into."""
    sums, pixels = np.zeros((count, 5)), np.zeros(count)
    for rows, columns in windows_of(labels.shape):
        canvas, (height, width) = shrink(image[rows, columns])
        cells = small_network(canvas[None])[0]
        part = labels[rows, columns]
        for row in range(part.shape[0]):
            for column in range(part.shape[1]):
                piece = part[row, column]
                if piece:
                    down = int((row + 0.5) * height / part.shape[0] / 32)
                    across = int((column + 0.5) * width / part.shape[1] / 32)
                    sums[piece - 1] += cells[down, across]
                    pixels[piece - 1] += 1
    return sums / pixels[:, None]


@pytest.mark.parametrize("shape", [(200, 130), (1, 1), (600, 40), (90, 1300)])
def test_a_piece_is_the_mean_of_the_cells_that_its_pixels_fall_into(shape):
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (*shape, 3)).astype(np.uint8)
    labels = random.integers(0, 5, shape).astype(np.int32)
    labels.flat[: min(4, labels.size)] = np.arange(1, 5)[: labels.size]
    count = int(labels.max())
    assert np.allclose(
        pool_windows(image, labels, count, small_network), by_hand(image, labels, count), rtol=1e-5, atol=1e-4
    )


def test_a_huge_picture_with_very_many_pieces_is_pooled_alike(monkeypatch):
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (150, 1300, 3)).astype(np.uint8)
    labels = (np.arange(1300) // 13 + 1 + np.arange(150)[:, None] // 30 * 100).astype(np.int32)
    expected = pool_windows(image, labels, 500, small_network)
    monkeypatch.setattr(dense_pooling, "LARGEST_TABLE", 10)
    assert np.array_equal(pool_windows(image, labels, 500, small_network), expected)


def test_pieces_that_do_not_fit_the_picture_are_refused():
    image = np.zeros((4, 4, 3), np.uint8)
    assert count_superpixels(image, np.full((4, 4), 1, np.int32)) == 1
    for labels in (np.full((4, 4), 2, np.int32), np.full((4, 4), -1, np.int32), np.ones((4, 5), np.int32)):
        for check in (count_superpixels, bounding_boxes):
            with pytest.raises(ValueError):
                check(image, labels)


def test_a_crop_is_seen_at_the_scale_of_a_tile_and_a_huge_picture_in_parts():
    assert shrink(np.zeros((1000, 1000, 3), np.uint8))[1] == (512, 512)
    canvas, size = shrink(np.full((250, 125, 3), 9, np.uint8))
    assert canvas.shape == (256, 256, 3) and size == (128, 64)
    assert canvas[:128, :64].max() == 9 and canvas[200, 200].tolist() == list(Windows.margin)
    parts = list(windows_of((3000, 1200)))
    assert [rows.stop - rows.start for rows, _columns in parts] == [1000, 1000, 1000]
    assert [columns for _rows, columns in parts] == [slice(0, 1200)] * 3


def test_ground_without_data_is_no_part_of_a_piece():
    image = np.zeros((100, 400, 3), np.uint8)
    image[:, :200] = 200
    seen = np.ones((100, 400), np.int32)
    seen[:, 200:] = 0
    described = pool_windows(image, seen, 1, small_network)[0, 0]
    assert described > pool_windows(image, np.ones_like(seen), 1, small_network)[0, 0] + 20


def test_shrinking_takes_the_nearest_pixel():
    crop = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, axis=2)
    assert nearest(crop, 2)[..., 0].tolist() == [[5, 7], [13, 15]]


class Colours:
    """An engine that makes 2048 numbers of a cell's mean colour; `noise` spoils them."""

    precision, batch = "fp32", 4

    def __init__(self, noise=0.0):
        self.noise, self.random = noise, np.random.default_rng(3)
        self.mixing = np.random.default_rng(2).uniform(0, 1, (5, 2048)).astype(np.float32)

    def run(self, images):
        cells = small_network(images) @ self.mixing
        return cells + (self.noise * self.random.normal(size=cells.shape)).astype(np.float32)


def test_the_check_tells_a_faithful_conversion_from_a_broken_one():
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (120, 140, 3)).astype(np.uint8) for _number in range(2)]
    for noise, accepted in ((0.1, True), (900.0, False), (np.nan, False)):
        record = {"checked": compared(Colours(noise), Colours(), images)}
        found = conversion.Converted(None, record)
        assert [found.accepted(form) for form in ("resnet50", "resnet50-dense")] == [accepted, accepted], (
            noise
        )


def test_two_workers_at_once_convert_once(tmp_path, monkeypatch):
    source, made = WeightsSource(None, "made-up"), []
    cache = tmp_path / "engines"

    def convert(request, lock):
        made.append(request["precision"])
        folder = tmp_path / "making"
        folder.mkdir()
        (folder / "model.xml").write_bytes(b"<net/>")
        (folder / "model.bin").write_bytes(b"numbers")
        conversion.put_folder(
            folder, {"weights_hash": "0f" * 32}, cache / conversion.folder_name("0f" * 32, "int8")
        )
        conversion.remember_source(cache, source.identity, "0f" * 32)
        return conversion.folder_name("0f" * 32, "int8")

    found = []
    workers = [
        threading.Thread(target=lambda: found.append(conversion.obtain(source, "int8", cache, list, convert)))
        for _number in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert made == ["int8"] and {one.folder for one in found} == {found[0].folder} and len(found) == 4


def archive(**changes):
    """What another machine leaves, spoiled by `changes` of its record."""
    files = {"model.xml": b"<net/>", "model.bin": b"numbers"}
    record = {
        "weights_hash": "0f" * 32,
        "precision": "int8",
        "checked": {"resnet50": {"minimum": 0.999}},
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        **changes,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, data in {**files, "record.json": json.dumps(record).encode()}.items():
            packed.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"weights_hash": "../../elsewhere"},
        {"precision": "int8/../../elsewhere"},
        {"precision": "fp32"},
        {"sha256": {}},
        {"sha256": {"../../secret": "0" * 64}},
        {"checked": {}},
        {"checked": {"resnet50": None}},
        {"weights_hash": None},
    ],
)
def test_a_shared_conversion_that_is_not_what_was_asked_for_is_made_anew(tmp_path, changes):
    source, cache = WeightsSource(None, "made-up"), tmp_path / "deep" / "engines"

    def convert(request, lock):
        raise conversion.ConversionFailed("made anew")

    shelf = SimpleNamespace(get=lambda name: archive(**changes), put=lambda name, data: None)
    with pytest.raises(conversion.ConversionFailed, match="made anew"):
        conversion.obtain(source, "int8", cache, list, convert, shelf)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert sorted(path.name for path in cache.iterdir()) == [".lock"]
    shelf.get = lambda name: archive()
    assert conversion.obtain(source, "int8", cache, list, convert, shelf).weights_hash == "0f" * 32


def test_the_converter_is_told_the_whole_path_of_a_folder_named_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def convert(request, lock):
        raise conversion.ConversionFailed(request["cache"])

    with pytest.raises(conversion.ConversionFailed) as refused:
        conversion.obtain(WeightsSource(None, "any"), "int8", Path("engines"), list, convert)
    assert str(refused.value) == str(tmp_path / "engines")


def test_a_folder_that_cannot_be_written_is_a_failed_conversion(tmp_path):
    (tmp_path / "engines").write_text("a file stands where the folder should be")
    with pytest.raises(conversion.ConversionFailed, match="cannot be written"):
        conversion.obtain(WeightsSource(None, "any"), "int8", tmp_path / "engines", list)


def test_tensorflow_is_asked_for_a_gpu_only_where_a_driver_is(monkeypatch, tmp_path):
    asked = []
    fake = SimpleNamespace(
        config=SimpleNamespace(list_physical_devices=lambda kind: asked.append(kind) or ["the GPU"])
    )
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    monkeypatch.setattr(engines, "DRIVERS", (str(tmp_path / "none"),))
    assert not engines.gpu_present() and not asked
    monkeypatch.setattr(engines, "DRIVERS", (str(tmp_path),))
    assert engines.gpu_present() and asked == ["GPU"]


def test_keys_tell_the_precision():
    assert precision_of("resnet50-dense-2-0a1b2c3d4e5f-int8-01234567") == "int8"
    assert precision_of("resnet50-2-0a1b2c3d4e5f-fp32") == "fp32"
    assert precision_of("texture-4-plain") == ""


def test_a_missing_file_is_told_with_the_way_out(tmp_path):
    with pytest.raises(ExtractorUnavailable, match="does not exist.*Use “texture”"):
        get_extractor("resnet50-dense", str(tmp_path / "none.h5"))
    with pytest.raises(ExtractorUnavailable, match="without a file"):
        find_weights("", "0" * 64)


def test_an_admin_is_told_when_weights_cannot_be_had(settings, tmp_path):
    settings.HOME = tmp_path
    settings.AMBER = {**settings.AMBER, "AMBER_RESNET50_WEIGHTS": str(tmp_path / "none.h5")}
    state = extractor_state("resnet50-dense")
    assert not state.usable and "does not exist" in state.sentence and "texture instead" in state.sentence
    assert extractor_state("texture").sentence == ""
    assert not extractor_state("magic").usable
    settings.AMBER = {**settings.AMBER, "AMBER_RESNET50_WEIGHTS": ""}
    assert "download" in extractor_state("resnet50").sentence


def test_the_overview_says_plainly_when_weights_cannot_be_had(settings, client_of, carol):
    settings.AMBER = {
        **settings.AMBER,
        "AMBER_EXTRACTOR": "resnet50-dense",
        "AMBER_RESNET50_WEIGHTS": "/nowhere/weights.h5",
    }
    page = client_of(carol).get("/manage/").content.decode()
    assert (
        "Features of new classifiers: resnet50-dense." in page
        and "/nowhere/weights.h5, does not exist" in page
    )
