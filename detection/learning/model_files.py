"""One file for a fitted classifier, safe to load: nothing in it can run code.

A ZIP of stored entries: `header.json` (format, algorithm, dimension, calibration, SHA-256 of the model, the
libraries' versions), the model: `model.ubj` (XGBoost's own format), `model.skops` (a forest; skops with a closed
list of trusted types) or `model.npz` (the SVM; plain arrays of NumPy), and where there is one the outline head,
`outline.npz`, whose SHA-256 the header tells too. Left out, and refused: files of other versions of this format but the
one before, which had no outline heads, and of algorithms that Amber had once.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from detection.learning import drift
from detection.learning.classifiers import FittedClassifier
from detection.learning.ground import head
from detection.learning.ranked_svm import RankedSvm
from detection.learning.ranks import Ranks

FORMAT = "amber-classifier"
FORMAT_VERSION = 3
READABLE_VERSIONS = (2, FORMAT_VERSION)
OUTLINE_NAME = "outline.npz"
DRIFT_NAME = "drift.npz"
LARGEST_MODEL = 512 * 1024 * 1024
LARGEST_HEADER = 64 * 1024

# What a forest holds beyond the types that skops trusts of itself. A tree's numbers are read unchecked by
# scikit-learn, so `_check_forest` looks at them before anything is predicted.
TRUSTED_TYPES = ("sklearn.tree._tree.Tree",)

MODEL_NAMES = {"xgboost": "model.ubj", "random_forest": "model.skops", "svm": "model.npz"}


def save(fitted: FittedClassifier) -> bytes:
    """The file's bytes. The same classifier gives the same bytes where its library does."""
    library, data = _WRITERS[fitted.algorithm](fitted.model)
    name = MODEL_NAMES[fitted.algorithm]
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "algorithm": fitted.algorithm,
        "dimension": fitted.dimension,
        "slope": float(fitted.slope),
        "offset": float(fitted.offset),
        "model": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "library": library,
    }
    entries = {name: data}
    if fitted.outline is not None:
        entries[OUTLINE_NAME] = head.write(fitted.outline)
        header["outline_sha256"] = hashlib.sha256(entries[OUTLINE_NAME]).hexdigest()
    if fitted.drift is not None:
        entries[DRIFT_NAME] = drift.write(fitted.drift)
        header["drift_sha256"] = hashlib.sha256(entries[DRIFT_NAME]).hexdigest()
    return _packed({"header.json": json.dumps(header, indent=1, sort_keys=True).encode(), **entries})


def load(data: bytes) -> FittedClassifier:
    """The classifier in these bytes. Raises ValueError with one clear sentence for any other content."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            header = _header(_entry(archive, "header.json", LARGEST_HEADER))
            model_bytes = _entry(archive, header["model"], LARGEST_MODEL)
            outline_bytes = (
                _entry(archive, OUTLINE_NAME, LARGEST_MODEL) if "outline_sha256" in header else b""
            )
            drift_bytes = _entry(archive, DRIFT_NAME, drift.LARGEST) if "drift_sha256" in header else b""
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, OSError):
        raise ValueError("This is no classifier file of Amber, or it is damaged.") from None
    if hashlib.sha256(model_bytes).hexdigest() != header["sha256"]:
        raise ValueError("The model in this classifier file is damaged: its checksum differs.")
    if outline_bytes and hashlib.sha256(outline_bytes).hexdigest() != header["outline_sha256"]:
        raise ValueError("The outline head in this classifier file is damaged: its checksum differs.")
    if drift_bytes and hashlib.sha256(drift_bytes).hexdigest() != header["drift_sha256"]:
        raise ValueError("The drift reference in this classifier file is damaged: its checksum differs.")
    try:
        model, dimension = _READERS[header["algorithm"]](model_bytes)
    except ValueError:
        raise
    except Exception as error:  # the libraries raise whatever their parsers meet
        raise ValueError(f"The model in this classifier file cannot be read: {error}") from None
    if dimension != header["dimension"]:
        raise ValueError("The header and the model of this classifier file do not agree.")
    outline = head.read(outline_bytes) if outline_bytes else None
    reference = drift.read(drift_bytes) if drift_bytes else None
    if reference is not None and len(reference.middle) != dimension:
        raise ValueError("The drift reference and the model of this classifier file do not agree.")
    return FittedClassifier(
        header["algorithm"],
        header["dimension"],
        model,
        float(header["slope"]),
        float(header["offset"]),
        outline,
        reference,
    )


def _packed(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            # A fixed date: when a file was written is no part of what it holds.
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _entry(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    information = archive.getinfo(name)
    if information.compress_type != zipfile.ZIP_STORED or information.file_size > largest:
        raise ValueError("This classifier file is packed in a way that Amber does not write.")
    return archive.read(name)


def _header(data: bytes) -> dict[str, Any]:
    try:
        header = json.loads(data)
    except ValueError:
        raise ValueError("The header of this classifier file cannot be read.") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("This is no classifier file of Amber.")
    if header.get("format_version") not in READABLE_VERSIONS:
        raise ValueError("This classifier file is of another version of Amber: train the classifier anew.")
    algorithm = header.get("algorithm")
    if isinstance(algorithm, str) and algorithm not in MODEL_NAMES:
        raise ValueError(f"Amber has no classifier “{algorithm[:40]}” any more: train another one.")
    sound = (
        isinstance(algorithm, str)
        and header.get("model") == MODEL_NAMES[algorithm]
        and isinstance(header.get("sha256"), str)
        and isinstance(header.get("outline_sha256", ""), str)
        and isinstance(header.get("drift_sha256", ""), str)
        and isinstance(header.get("dimension"), int)
        and all(isinstance(header.get(key), float) for key in ("slope", "offset"))
        and all(math.isfinite(header[key]) for key in ("slope", "offset"))
    )
    if not sound:
        raise ValueError("The header of this classifier file is incomplete.")
    return header


# XGBoost -------------------------------------------------------------------------------------------------------------


def _write_xgboost(model: Any) -> tuple[str, bytes]:
    import xgboost

    return f"xgboost {xgboost.__version__}", bytes(model.save_raw("ubj"))


def _read_xgboost(data: bytes) -> tuple[Any, int]:
    import xgboost

    from detection.learning.algorithms import BOOSTING_THREADS

    model = xgboost.Booster({"nthread": BOOSTING_THREADS})
    model.load_model(bytearray(data))
    return model, int(model.num_features())


# Random forest -------------------------------------------------------------------------------------------------------


def _write_forest(model: Any) -> tuple[str, bytes]:
    import sklearn
    import skops.io

    return f"scikit-learn {sklearn.__version__}", skops.io.dumps(model)


def _read_forest(data: bytes) -> tuple[Any, int]:
    import skops.io

    unknown = set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES)
    if unknown:
        raise ValueError(f"This classifier file holds types that Amber does not trust: {sorted(unknown)[0]}.")
    model = skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    if type(model).__name__ != "RandomForestClassifier":
        raise ValueError("The model in this classifier file is of another kind than its header says.")
    _check_forest(model)
    return model, int(model.n_features_in_)


def _check_forest(forest: Any) -> None:
    """Raises ValueError where a tree points outside its nodes or outside the features."""
    for estimator in forest.estimators_:
        tree = estimator.tree_
        inner = tree.children_left != -1
        parents = inner.nonzero()[0]
        for children in (tree.children_left[inner], tree.children_right[inner]):
            if (children <= parents).any() or (children >= tree.node_count).any():
                raise ValueError("A tree in this classifier file is damaged.")
        features = tree.feature[inner]
        if (features < 0).any() or (features >= forest.n_features_in_).any():
            raise ValueError("A tree in this classifier file is damaged.")


# SVM -----------------------------------------------------------------------------------------------------------------


def _write_svm(model: RankedSvm) -> tuple[str, bytes]:
    arrays = {
        "values": model.ranks.values,
        "places": model.ranks.places,
        "vectors": model.vectors,
        "weights": model.weights,
        "gamma": np.array(model.gamma),
        "offset": np.array(model.offset),
    }
    entries = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
        entries[f"{name}.npy"] = buffer.getvalue()
    return f"NumPy {np.__version__}", _packed(entries)


def _read_svm(data: bytes) -> tuple[RankedSvm, int]:
    names = ("values", "places", "vectors", "weights", "gamma", "offset")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # Each through `_entry`: packed entries could come to a thousand times the file.
        values, places, vectors, weights, gamma, offset = (
            np.lib.format.read_array(
                io.BytesIO(_entry(archive, f"{name}.npy", LARGEST_MODEL)), allow_pickle=False
            )
            for name in names
        )
    sound = (
        all(array.dtype == np.float32 for array in (values, places, vectors, weights))
        and all(np.isfinite(array).all() for array in (values, places, vectors, weights, gamma, offset))
        and vectors.ndim == values.ndim == 2
        and weights.ndim == 1
        and values.shape == places.shape
        and values.shape[0] == vectors.shape[1]
        and len(vectors) == len(weights) > 0
        and gamma.shape == offset.shape == ()
        and float(gamma) > 0
        and bool((np.diff(values, axis=1) > 0).all())
    )
    if not sound:
        raise ValueError("The arrays in this classifier file do not fit together.")
    model = RankedSvm(Ranks(values, places), vectors, weights, float(gamma), float(offset))
    return model, model.dimension


_WRITERS: dict[str, Callable[[Any], tuple[str, bytes]]] = {
    "xgboost": _write_xgboost,
    "random_forest": _write_forest,
    "svm": _write_svm,
}
_READERS: dict[str, Callable[[bytes], tuple[Any, int]]] = {
    "xgboost": _read_xgboost,
    "random_forest": _read_forest,
    "svm": _read_svm,
}
