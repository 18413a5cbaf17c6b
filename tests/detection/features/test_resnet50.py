"""ResNet50 with a weights file that the test makes: every step of the way but ImageNet's own numbers."""

import hashlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from detection.features import ExtractorUnavailable, conversion, converter, resnet50_choice
from detection.features.engines import KerasEngine, OpenVinoEngine
from detection.features.resnet50 import ResNet50Crops, ResNet50Dense, nearest
from detection.features.resnet50_network import find_weights, network, preprocess
from detection.scenes import render_scene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights in Keras' own format."""
    import keras

    keras.utils.set_random_seed(4)
    path = tmp_path_factory.mktemp("weights") / "made.weights.h5"
    keras.applications.ResNet50(
        include_top=False, weights=None, pooling="avg", input_shape=(224, 224, 3)
    ).save_weights(path)
    return path


@pytest.fixture(scope="module")
def model(weights):
    return network(find_weights(str(weights)))


@pytest.fixture(scope="module")
def ground():
    """Small pictures of ground that nobody has seen; each is cut into a few pieces."""
    return [render_scene(900 * number, size=160).image for number in range(8)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory, weights, ground):
    """A folder with the int8 conversion, made in a process of its own as a worker does."""
    folder = tmp_path_factory.mktemp("engines")
    conversion.obtain(find_weights(str(weights)), "int8", folder, lambda: ground)
    return folder


def two_halves(image):
    labels = np.ones(image.shape[:2], dtype=np.int32)
    labels[:, image.shape[1] // 2 :] = 2
    return labels


def cosine(first, second):
    return float((first @ second) / np.linalg.norm(first) / np.linalg.norm(second))


def never(request, lock):
    raise AssertionError("nothing is to be converted")


def test_crops_through_keras_are_the_recipe_of_2018(model, ground):
    from keras.applications.resnet50 import preprocess_input

    features = ResNet50Crops(KerasEngine(model, gpu=False, prepare=preprocess), "ab" * 32).extract(
        ground[0], two_halves(ground[0])
    )
    crop = nearest(ground[0][:, :80], 224).astype(np.float32)[None]
    expected = np.asarray(model(preprocess_input(crop), training=False)).mean(axis=(1, 2))[0]
    assert features.shape == (2, 2048)
    assert np.allclose(features[0], expected, atol=1e-3)


def test_the_int8_conversion_is_near_to_keras_in_both_forms_and_says_how_near(weights, cache, model, ground):
    found = conversion.find(find_weights(str(weights)), "int8", cache)
    image, labels = ground[3], two_halves(ground[3])
    for form, kind in (("resnet50", ResNet50Crops), ("resnet50-dense", ResNet50Dense)):
        assert found.accepted(form) and found.record["checked"][form]["pieces"] >= 8
        ours = kind(OpenVinoEngine(found.model, "int8"), found.weights_hash)
        theirs = kind(KerasEngine(model, gpu=False, prepare=preprocess), found.weights_hash)
        for mine, other in zip(ours.extract(image, labels), theirs.extract(image, labels), strict=True):
            assert cosine(mine, other) >= 0.99
        assert ours.key.startswith(f"{form}-2-{found.weights_hash[:12]}-int8-")
        assert theirs.key == f"{form}-2-{found.weights_hash[:12]}-fp32"
    assert found.record["images"] == {"given": 8, "invented": 0}


def test_a_second_worker_takes_the_cached_conversion_without_keras(weights, cache, monkeypatch):
    monkeypatch.setattr(conversion, "in_a_process", never)
    monkeypatch.setattr(resnet50_choice, "network", never)
    first, second = (
        resnet50_choice.make("resnet50-dense", str(weights), "", cache, list) for _time in range(2)
    )
    assert first.key == second.key and isinstance(first.engine, OpenVinoEngine) and not first.warnings


def test_neither_threads_nor_neighbours_change_a_byte(weights, cache, ground):
    extractor = resnet50_choice.make("resnet50", str(weights), "", cache, list)
    pieces = [(image, two_halves(image)) for image in ground]
    alone = [extractor.extract(*piece).tobytes() for piece in pieces]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda piece: extractor.extract(*piece).tobytes(), pieces))
    assert alone == together
    whole = extractor.extract(ground[0], np.ones_like(two_halves(ground[0])))
    first_of_two = extractor.extract(ground[0][:, :80], np.ones((160, 80), np.int32))
    assert extractor.extract(*pieces[0])[0].tobytes() == first_of_two[0].tobytes() != whole[0].tobytes()


def test_a_damaged_conversion_is_made_anew(weights, cache, tmp_path):
    copy = tmp_path / "engines"
    shutil.copytree(cache, copy)
    source = find_weights(str(weights))
    found = conversion.find(source, "int8", copy)
    whole = (found.folder / "model.bin").read_bytes()
    (found.folder / "model.bin").write_bytes(whole[:-100])
    assert conversion.find(source, "int8", copy) is None

    def convert(request, lock):
        made = tmp_path / "made"
        shutil.copytree(found.folder, made)
        (made / "model.bin").write_bytes(whole)
        conversion.put_folder(made, dict(found.record), found.folder)
        return found.folder.name

    again = conversion.obtain(source, "int8", copy, list, convert)
    assert (again.folder / "model.bin").read_bytes() == whole


def test_another_machine_takes_the_shared_conversion(weights, cache, tmp_path):
    class Shelf(dict):
        def put(self, name, data):
            self[name] = data

    shelf = Shelf()
    source = find_weights(str(weights))
    found = conversion.find(source, "int8", cache)

    def convert(request, lock):
        made = tmp_path / "made"
        shutil.copytree(found.folder, made)
        conversion.put_folder(made, dict(found.record), tmp_path / "first" / found.folder.name)
        conversion.remember_source(tmp_path / "first", source.identity, found.weights_hash)
        return found.folder.name

    conversion.obtain(source, "int8", tmp_path / "first", list, convert, shelf)
    assert len(shelf) == 1
    second = conversion.obtain(source, "int8", tmp_path / "second", list, never, shelf)
    assert (second.folder / "model.bin").read_bytes() == (found.folder / "model.bin").read_bytes()
    assert conversion.find(source, "int8", tmp_path / "second") is not None
    shelf[next(iter(shelf))] = b"half an archive"
    with pytest.raises(AssertionError, match="nothing is to be converted"):
        conversion.obtain(source, "int8", tmp_path / "third", list, never, shelf)


def test_a_broken_conversion_is_refused_and_float32_takes_its_place(weights, ground, tmp_path, monkeypatch):
    import keras

    convert_rightly = converter._convert

    def convert(model, precision, images, folder):
        if precision == "int8":  # another network altogether
            keras.utils.set_random_seed(5)
            model = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(None, None, 3))
        convert_rightly(model, "fp32", images, folder)

    monkeypatch.setattr(converter, "_convert", convert)
    monkeypatch.setattr(converter, "LEAST_IMAGES", 2)
    ground = ground[:2]
    monkeypatch.setattr(conversion, "in_a_process", lambda request, lock: converter.main(request))
    extractor = resnet50_choice.make("resnet50", str(weights), "", tmp_path, lambda: ground)
    assert "refused" in extractor.warnings[0] and "0.99" in extractor.warnings[0]
    assert isinstance(extractor.engine, OpenVinoEngine) and extractor.key.endswith("-fp32")
    # It is not converted again and again, and the refusal is still told.
    monkeypatch.setattr(conversion, "in_a_process", never)
    assert resnet50_choice.make("resnet50", str(weights), "", tmp_path, lambda: ground).warnings


def test_where_nothing_can_be_converted_keras_does_it_and_says_so(weights, tmp_path, monkeypatch):
    def fail(request, lock):
        raise conversion.ConversionFailed("ResNet50 could not be converted (no room).")

    monkeypatch.setattr(conversion, "in_a_process", fail)
    extractor = resnet50_choice.make("resnet50-dense", str(weights), "", tmp_path, list)
    assert isinstance(extractor.engine, KerasEngine) and extractor.key.endswith("-fp32")
    assert [("no room" in warning) for warning in extractor.warnings] == [True, True]


def test_a_gpu_is_used_unasked_but_int8_features_stay_int8(weights, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(resnet50_choice, "gpu_present", lambda: True)
    order = []
    monkeypatch.setattr(resnet50_choice, "prepare_gpu", lambda: order.append("prepared"))
    made = resnet50_choice.network
    monkeypatch.setattr(resnet50_choice, "network", lambda source: order.append("made") or made(source))
    extractor = resnet50_choice.make("resnet50", str(weights), "", tmp_path, list)
    assert (
        isinstance(extractor.engine, KerasEngine) and extractor.engine.batch > KerasEngine.batch_on_processor
    )
    assert extractor.key.endswith("-fp32")
    assert order == ["prepared", "made"], "a model made first would have taken all of the GPU's memory"
    bound = resnet50_choice.make("resnet50", str(weights), "", cache, list, precision="int8")
    assert isinstance(bound.engine, OpenVinoEngine) and "-int8-" in bound.key


def test_the_right_hash_is_accepted_and_another_is_refused(weights):
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert find_weights(str(weights), digest).identity == digest
    with pytest.raises(ExtractorUnavailable, match="refused"):
        find_weights(str(weights), "0" * 64)


def test_a_foreign_file_is_told_by_the_converter_with_the_way_out(tmp_path, monkeypatch, capsys):
    other = tmp_path / "other.weights.h5"
    other.write_bytes(b"not weights")

    def here(command, **options):
        code = converter.run(converter.main, command[-1])
        return subprocess.CompletedProcess(command, code, capsys.readouterr().out, "")

    monkeypatch.setattr(conversion.subprocess, "run", here)
    with pytest.raises(ExtractorUnavailable, match="^.*other.weights.h5 holds no weights.*Use “texture”"):
        resnet50_choice.make("resnet50", str(other), "", tmp_path / "engines", list)


def test_a_download_that_fails_is_told_and_nothing_is_pretended(monkeypatch):
    import keras.applications.resnet50

    def offline(**arguments):
        assert arguments["weights"] == "imagenet"
        raise OSError("no network")

    monkeypatch.setattr(keras.applications.resnet50, "ResNet50", offline)
    with pytest.raises(ExtractorUnavailable, match="could not be downloaded"):
        network(find_weights())
    with pytest.raises(ExtractorUnavailable, match="without a file"):
        find_weights("", "0" * 64)


def test_a_download_that_works_is_used(monkeypatch, model):
    import keras.applications.resnet50

    monkeypatch.setattr(keras.applications.resnet50, "ResNet50", lambda **arguments: model)
    assert network(find_weights()) is model
