"""Which groups of images look like nothing that was seen, by numbers alone."""

import io
from dataclasses import replace

import numpy as np
import pytest

from detection.learning import drift, model_files
from detection.learning.classifiers import fit

DIMENSION = 12


@pytest.fixture(scope="module")
def rows():
    """400 training rows of eight dates, each of which lies a little elsewhere."""
    draw = np.random.default_rng(5)
    dates = np.repeat([f"2015-0{month}-01" for month in range(1, 9)], 50)
    places = draw.normal(0, 0.3, (8, DIMENSION))
    return (draw.normal(0, 1, (400, DIMENSION)) + np.repeat(places, 50, axis=0)).astype(np.float32), dates


def test_a_further_date_of_the_same_kind_is_like_and_a_moved_one_is_unlike(rows):
    reference = drift.fit(*rows, seed=0)
    draw = np.random.default_rng(6)
    another = (draw.normal(0, 1, (300, DIMENSION)) + draw.normal(0, 0.3, DIMENSION)).astype(np.float32)
    for group, verdict in ((another, "like"), (another + 4, "unlike")):
        assert reference.verdict(len(group), int(reference.beyond(group).sum())) == verdict


def test_of_less_than_a_tile_nothing_is_said(rows):
    reference = drift.fit(*rows, seed=0)
    assert reference.verdict(19, 19) == "unknown"
    assert reference.verdict(20, 20) == "unlike"


def test_a_few_odd_superpixels_of_a_small_group_name_no_date(rows):
    """Three of twenty may be chance where thirty of two hundred are not."""
    assert drift.fit(*rows, seed=0).most >= drift.BEYOND
    assert drift.verdict_of(20, 3, 0.1) == "like"
    assert drift.verdict_of(200, 30, 0.1) == "unlike"


def test_labels_of_two_dates_are_no_measure(rows):
    features, dates = rows
    with pytest.raises(ValueError, match="3 dates"):
        drift.fit(features[:100], dates[:100], seed=0)


def test_where_nearly_all_labels_are_of_one_date_the_file_can_still_be_read():
    """The plane for that date's rows is then of six others."""
    features = np.random.default_rng(1).normal(size=(2000, DIMENSION)).astype(np.float32)
    dates = np.array(["2015-03-09"] * 1994 + ["2015-04-22"] * 3 + ["2015-05-23"] * 3)
    reference = drift.fit(features, dates, seed=0)
    assert drift.read(drift.write(reference)).limit == reference.limit


def test_the_classifier_file_keeps_the_reference_and_refuses_a_damaged_one(rows):
    features, dates = rows
    fitted = fit("svm", features, features[:, 0] > 0, 0)
    reference = drift.fit(features, dates, 0)
    kept = model_files.load(model_files.save(replace(fitted, drift=reference)))
    assert kept.drift is not None
    np.testing.assert_array_equal(kept.drift.away(features + 1), reference.away(features + 1))
    assert (kept.drift.limit, kept.drift.most) == (reference.limit, reference.most)
    assert model_files.load(model_files.save(fitted)).drift is None
    other = drift.fit(np.ascontiguousarray(features[:, :6]), dates, 0)
    with pytest.raises(ValueError, match="do not agree"):
        model_files.load(model_files.save(replace(fitted, drift=other)))


@pytest.mark.parametrize("damage", ["short", "pickle", "nan", "shape", "huge"])
def test_a_file_that_is_no_reference_is_refused(rows, damage):
    data = drift.write(drift.fit(*rows, seed=0))
    if damage == "short":
        data = data[:-8]
    elif damage == "huge":
        data = b"\0" * (drift.LARGEST + 1)
    else:
        stream = io.BytesIO(data)
        arrays = [np.lib.format.read_array(stream) for _array in range(4)]
        if damage == "nan":
            arrays[2][0, 0] = np.nan
        elif damage == "shape":
            arrays[2] = arrays[2][:-1]
        else:
            arrays[3] = np.array([{}, {}], object)
        buffer = io.BytesIO()
        for array in arrays:
            np.lib.format.write_array(buffer, array)
        data = buffer.getvalue()
    with pytest.raises(ValueError, match="drift reference"):
        drift.read(data)
