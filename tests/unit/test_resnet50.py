"""ResNet50 with a weights file that the test makes: every step of the way but ImageNet's own numbers."""

import hashlib

import numpy as np
import pytest

from detection.features import ExtractorUnavailable
from detection.features.resnet50 import ResNet50Extractor, nearest

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


def test_features_from_a_weights_file_are_those_of_keras_on_the_same_crops(weights):
    import keras

    extractor = ResNet50Extractor.from_settings(str(weights))
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (300, 260, 3)).astype(np.uint8)
    labels = np.ones((300, 260), dtype=np.int32)
    labels[:, 130:] = 2
    features = extractor.extract(image, labels)
    assert features.shape == (2, 2048)
    crop = nearest(image[:, :130], 224).astype(np.float32)[None]
    batch = keras.applications.resnet50.preprocess_input(crop)
    assert np.allclose(features[0], np.asarray(extractor.model(batch, training=False))[0], atol=1e-3)
    assert extractor.key.startswith("resnet50-1-") and len(extractor.weights_hash) == 64


def test_the_right_hash_is_accepted_and_another_is_refused(weights):
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    ResNet50Extractor.from_settings(str(weights), digest)
    with pytest.raises(ExtractorUnavailable, match="refused"):
        ResNet50Extractor.from_settings(str(weights), "0" * 64)


def test_a_missing_or_foreign_file_is_told_with_the_way_out(tmp_path):
    with pytest.raises(ExtractorUnavailable, match="does not exist"):
        ResNet50Extractor.from_settings(str(tmp_path / "none.h5"))
    other = tmp_path / "other.weights.h5"
    other.write_bytes(b"not weights")
    with pytest.raises(ExtractorUnavailable, match="Use “texture”"):
        ResNet50Extractor.from_settings(str(other))


def test_a_download_that_fails_is_told_and_nothing_is_pretended(monkeypatch):
    import keras.applications.resnet50

    def offline(**arguments):
        assert arguments["weights"] == "imagenet"
        raise OSError("no network")

    monkeypatch.setattr(keras.applications.resnet50, "ResNet50", offline)
    with pytest.raises(ExtractorUnavailable, match="could not be downloaded"):
        ResNet50Extractor.from_settings()
    with pytest.raises(ExtractorUnavailable, match="without a file"):
        ResNet50Extractor.from_settings("", "0" * 64)


def test_a_download_that_works_is_used(monkeypatch, weights):
    import keras.applications.resnet50

    made = keras.applications.ResNet50(
        include_top=False, weights=None, pooling="avg", input_shape=(224, 224, 3)
    )
    monkeypatch.setattr(keras.applications.resnet50, "ResNet50", lambda **arguments: made)
    assert ResNet50Extractor.from_settings().model is made


def test_shrinking_takes_the_nearest_pixel():
    crop = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, axis=2)
    assert nearest(crop, 2)[..., 0].tolist() == [[5, 7], [13, 15]]
