"""EfficientNet-Lite0: its weights read without torch and without trust, its two forms, and the extractor on top of it."""

import collections
import hashlib
import pickle
import shutil
import struct
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from detection.description.engines import extractor_state
from detection.description.features import usable_extractor
from detection.features import ExtractorUnavailable, conversion, get_extractor
from detection.features.engines import KerasEngine, OpenVinoEngine
from detection.features.lite0 import describe, weights
from detection.features.lite0.describe import CELLS, CROPS, describe_cells, describe_crops, engine_for
from detection.features.lite0.network import CELL_DIMENSION, CROP_DIMENSION
from detection.features.lite0.weights import read_weights, weights_file
from detection.features.protocol import bounding_boxes
from detection.features.reference_light import lit
from detection.features.texture_planes import REFERENCE_DEVIATION, REFERENCE_MEAN
from detection.scenes import render_scene
from detection.segmentation.slic import segment
from detection.training.training_data import _extractor


class _Named:
    """Stands in a made file for a name of torch's."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Writer(pickle._Pickler):
    """Writes the format as torch did before 1.6: names without their modules' code, numbers behind the pickles."""

    def save(self, item, save_persistent_id=True):
        if isinstance(item, _Named):
            self.write(pickle.GLOBAL + f"{item.module}\n{item.name}\n".encode())
        else:
            super().save(item, save_persistent_id)

    def persistent_id(self, item):
        return item.pid if isinstance(item, _Stored) else None


class _Stored:
    def __init__(self, key, numbers):
        self.pid = ("storage", _Named("torch", "FloatStorage"), key, "cpu", numbers, None)


class _Rebuilt:
    def __init__(self, *arguments):
        self.arguments = arguments


def _reduce(writer, item):
    writer.save(_Named("torch._utils", "_rebuild_tensor_v2"))
    writer.save(item.arguments)
    writer.write(pickle.REDUCE)


_Writer.dispatch = {**pickle._Pickler.dispatch, _Rebuilt: _reduce}


def made_file(path, tensors, storages, order=None):
    """Write {name: (storage, offset, shape, strides)} and {storage: numbers} as such a file; returns its SHA-256."""
    with path.open("wb") as file:
        for head in (weights.MAGIC, weights.PROTOCOL, {"little_endian": True}):
            pickle.dump(head, file, protocol=2)
        stored = {key: _Stored(key, len(numbers)) for key, numbers in storages.items()}
        table = {
            name: _Rebuilt(stored[key], offset, shape, strides, False, {})
            for name, (key, offset, shape, strides) in tensors.items()
        }
        _Writer(file, protocol=2).dump(table)
        pickle.dump(order or list(storages), file, protocol=2)
        for numbers in storages.values():
            file.write(struct.pack("<q", len(numbers)))
            file.write(np.asarray(numbers, "<f4").tobytes())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_arrays_come_out_as_they_were_also_where_their_axes_are_exchanged(tmp_path):
    numbers = np.arange(24)
    digest = made_file(
        tmp_path / "small.pth",
        {
            "plain": ("0", 4, (2, 3), (3, 1)),
            "turned": ("0", 0, (2, 3, 4), (1, 8, 2)),
            "other": ("1", 0, (1,), (1,)),
        },
        {"0": numbers, "1": [0.5]},
    )
    arrays = read_weights(tmp_path / "small.pth", digest)
    assert arrays["plain"].tolist() == [[4, 5, 6], [7, 8, 9]]
    assert arrays["turned"][1, 2, 3] == numbers[1 + 16 + 6] and arrays["other"].tolist() == [0.5]


@pytest.mark.parametrize("place", [("0", 20, (2, 3), (3, 1)), ("0", -1, (2,), (1,)), ("0", 0, (3,), (-1,))])
def test_an_array_that_reaches_beyond_the_file_is_refused(tmp_path, place):
    digest = made_file(tmp_path / "beyond.pth", {"one": place}, {"0": np.arange(24)})
    with pytest.raises(ExtractorUnavailable, match="beyond"):
        read_weights(tmp_path / "beyond.pth", digest)


def test_another_file_is_refused_before_anything_of_it_is_read(tmp_path):
    (tmp_path / "other.pth").write_bytes(pickle.dumps(print))
    with pytest.raises(ExtractorUnavailable, match="refused.*Use “texture”"):
        read_weights(tmp_path / "other.pth")


class _Trap:
    def __init__(self, flag):
        self.flag = flag

    def __reduce__(self):
        return (shutil.copyfile, (str(self.flag), str(self.flag) + ".sprung"))


def test_a_pickle_that_wants_to_run_something_is_refused_though_its_hash_is_right(tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    trap = tmp_path / "trap.pth"
    trap.write_bytes(pickle.dumps(_Trap(flag)))
    with pytest.raises(ExtractorUnavailable, match="names shutil.copyfile"):
        read_weights(trap, hashlib.sha256(trap.read_bytes()).hexdigest())
    ordered = tmp_path / "ordered.pth"
    ordered.write_bytes(pickle.dumps(collections.OrderedDict))
    with pytest.raises(ExtractorUnavailable, match="not in the form"):
        read_weights(ordered, hashlib.sha256(ordered.read_bytes()).hexdigest())
    assert not (tmp_path / "flag.sprung").exists()


def without_package(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(weights, "distribution", missing)


def test_where_the_weights_are_not_installed_texture_takes_over_and_says_so(monkeypatch):
    without_package(monkeypatch)
    assert not extractor_state("texture-lite0").usable
    extractor, warnings = _extractor("texture-lite0")
    assert extractor.name == "texture"
    assert "not installed" in warnings[0] and "texture" in warnings[1]


def test_a_whole_tile_is_shown_in_the_reference_light_and_holes_are_no_part_of_it():
    import cv2

    image = (render_scene(7).image[:400, :400] * 0.5).astype(np.uint8)
    seen = np.ones(image.shape[:2], bool)
    seen[:200] = False
    image[:200] = 255
    lab = cv2.cvtColor(lit(image, seen)[200:], cv2.COLOR_RGB2Lab).reshape(-1, 3).astype(float)
    assert np.allclose(lab.mean(axis=0), np.array(REFERENCE_MEAN) * (2.55, 1, 1) + (0, 128, 128), atol=4)
    # Single colours end where a picture ends, so deviations come near and no nearer.
    assert np.allclose(lab.std(axis=0), np.array(REFERENCE_DEVIATION) * (2.55, 1, 1), rtol=0.35)
    assert np.array_equal(lit(image, np.zeros_like(seen)), image)


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """The folder of converted networks, made once by the converter's own process; its two engines."""
    cache = tmp_path_factory.mktemp("engines")
    made = {}
    for network in (CROPS, CELLS):
        engine, warnings = engine_for(network, cache, lambda: [render_scene(3).image[:600, :640]])
        assert isinstance(engine, OpenVinoEngine) and not warnings
        made[network] = engine
    return cache, made


@pytest.mark.slow
def test_the_converted_network_says_what_keras_says(engines):
    cache, made = engines
    arrays = read_weights(weights_file())
    image = render_scene(11).image[:300, :500]
    boxes = bounding_boxes(image, segment(image))[:4]
    ours = describe_crops(made[CROPS], image, boxes)
    theirs = describe_crops(KerasEngine(describe.BUILDERS[CROPS](arrays), gpu=False), image, boxes)
    assert ours.shape == (4, CROP_DIMENSION) and np.allclose(ours, theirs, atol=2e-3)
    ours = describe_cells(made[CELLS], image)
    theirs = describe_cells(KerasEngine(describe.BUILDERS[CELLS](arrays), gpu=False), image)
    assert ours.shape == (19, 32, CELL_DIMENSION) and np.allclose(ours, theirs, atol=2e-3)
    assert all(
        conversion.find(describe.source_of(network), "fp32", cache).cosine(network) > 0.9999
        for network in made
    )


@pytest.mark.slow
def test_the_weights_are_those_that_know_a_cat(engines):
    data = pytest.importorskip("skimage.data")
    _cache, made = engines
    arrays = read_weights(weights_file())
    cat = data.chelsea()[:, 75:375]
    head = describe_crops(made[CROPS], cat, [(slice(0, 300), slice(0, 300))])[0, -1280:]
    assert int(np.argmax(arrays["_fc.weight"] @ head + arrays["_fc.bias"])) in range(281, 288)


@pytest.mark.slow
def test_a_superpixel_has_the_numbers_of_texture_and_beside_them_those_of_the_network(engines):
    cache, made = engines
    extractor = get_extractor("texture-lite0", cache=cache)
    image = render_scene(5).image[:500, :500]
    labels = segment(image)
    both = extractor.extract(image, labels)
    assert both.shape == (labels.max(), extractor.dimension) and np.isfinite(both).all()
    assert np.array_equal(both[:, :416], get_extractor("texture").extract(image, labels))
    shown = describe_crops(made[CROPS], lit(image, labels > 0), bounding_boxes(image, labels))
    assert np.array_equal(both[:, 416:], shown)
    # A crop is taken as it is: its light is its content.
    alone = extractor.extract(image[:120, :120], np.ones((120, 120), np.int32))
    whole = [(slice(0, 120), slice(0, 120))]
    assert np.array_equal(alone[:, 416:], describe_crops(made[CROPS], image[:120, :120], whole))
    assert sum(count for count, _weight in extractor.blocks) == extractor.dimension
    assert extractor.extract(image, np.zeros((500, 500), np.int32)).shape == (0, extractor.dimension)


@pytest.mark.slow
@pytest.mark.django_db
def test_the_site_converts_it_once_and_another_machine_takes_the_conversion(settings, tmp_path, monkeypatch):
    settings.AMBER = {**settings.AMBER, "AMBER_EXTRACTOR": "texture-lite0"}
    settings.HOME = tmp_path / "one"
    first = usable_extractor("texture-lite0")
    assert isinstance(first.engine, OpenVinoEngine) and extractor_state("texture-lite0").sentence == ""

    def never(request, lock):
        raise AssertionError("nothing is to be converted")

    monkeypatch.setattr(conversion, "in_a_process", never)
    settings.HOME = tmp_path / "two"
    assert "first needed" in extractor_state("texture-lite0").sentence
    second = usable_extractor("texture-lite0")
    assert second is not first and second.key == first.key and isinstance(second.engine, OpenVinoEngine)


@pytest.mark.slow
def test_where_nothing_can_be_converted_keras_does_it_and_says_so(tmp_path, monkeypatch):
    def fail(request, lock):
        raise conversion.ConversionFailed("EfficientNet-Lite0 could not be converted (no room).")

    monkeypatch.setattr(conversion, "in_a_process", fail)
    engine, warnings = engine_for(CROPS, tmp_path, list)
    assert isinstance(engine, KerasEngine) and "no room" in warnings[0] and "slower" in warnings[0]
