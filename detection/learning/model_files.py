"""One file for a fitted classifier, safe to load: nothing in it can run code.

A ZIP of two stored entries: `header.json` (format, algorithm, dimension, calibration, SHA-256 of the model, the
libraries' versions) and `model.ubj` (XGBoost's own format) or `model.skops` (skops with a closed list of trusted
types). Left out: files of other versions of this format, which are refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from typing import Any

from detection.learning.classifiers import ALGORITHMS, FittedClassifier

FORMAT = "amber-classifier"
FORMAT_VERSION = 1
LARGEST_MODEL = 512 * 1024 * 1024
LARGEST_HEADER = 64 * 1024

# What a forest holds beyond the types that skops trusts of itself. A tree's numbers are read unchecked by
# scikit-learn, so `_check_forest` looks at them before anything is predicted.
TRUSTED_TYPES = ("sklearn.tree._tree.Tree",)


def save(fitted: FittedClassifier) -> bytes:
    """The file's bytes. The same classifier gives the same bytes where its library does."""
    if fitted.algorithm == "xgboost":
        import xgboost

        library = f"xgboost {xgboost.__version__}"
        name, data = "model.ubj", bytes(fitted.model.save_raw("ubj"))
    else:
        import sklearn
        import skops.io

        library = f"scikit-learn {sklearn.__version__}"
        name, data = "model.skops", skops.io.dumps(fitted.model)
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "algorithm": fitted.algorithm,
        "dimension": fitted.dimension,
        "slope": fitted.slope,
        "offset": fitted.offset,
        "model": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "library": library,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        # A fixed date: when a file was written is no part of what it holds.
        archive.writestr(zipfile.ZipInfo("header.json"), json.dumps(header, indent=1, sort_keys=True))
        archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def load(data: bytes) -> FittedClassifier:
    """The classifier in these bytes. Raises ValueError with one clear sentence for any other content."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            header = _header(_entry(archive, "header.json", LARGEST_HEADER))
            model_bytes = _entry(archive, header["model"], LARGEST_MODEL)
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, OSError):
        raise ValueError("This is no classifier file of Amber, or it is damaged.") from None
    if hashlib.sha256(model_bytes).hexdigest() != header["sha256"]:
        raise ValueError("The model in this classifier file is damaged: its checksum differs.")
    try:
        model = _load_model(header["algorithm"], model_bytes)
        dimension = _features_of(header["algorithm"], model)
    except ValueError:
        raise
    except Exception as error:  # the libraries raise whatever their parsers meet
        raise ValueError(f"The model in this classifier file cannot be read: {error}") from None
    if dimension != header["dimension"]:
        raise ValueError("The header and the model of this classifier file do not agree.")
    return FittedClassifier(
        header["algorithm"], header["dimension"], model, float(header["slope"]), float(header["offset"])
    )


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
    if header.get("format_version") != FORMAT_VERSION:
        raise ValueError("This classifier file is of another version of Amber: train the classifier anew.")
    algorithm = header.get("algorithm")
    sound = (
        algorithm in ALGORITHMS
        and header.get("model") == ("model.ubj" if algorithm == "xgboost" else "model.skops")
        and isinstance(header.get("sha256"), str)
        and isinstance(header.get("dimension"), int)
        and all(isinstance(header.get(key), float | int) for key in ("slope", "offset"))
        and all(math.isfinite(header[key]) for key in ("slope", "offset"))
    )
    if not sound:
        raise ValueError("The header of this classifier file is incomplete.")
    return header


def _load_model(algorithm: str, data: bytes) -> Any:
    if algorithm == "xgboost":
        import xgboost

        model = xgboost.Booster()
        model.load_model(bytearray(data))
        return model
    import skops.io

    unknown = set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES)
    if unknown:
        raise ValueError(f"This classifier file holds types that Amber does not trust: {sorted(unknown)[0]}.")
    return skops.io.loads(data, trusted=list(TRUSTED_TYPES))


def _features_of(algorithm: str, model: Any) -> int:
    if algorithm == "xgboost":
        return int(model.num_features())
    expected = "RandomForestClassifier" if algorithm == "random_forest" else "Pipeline"
    if type(model).__name__ != expected:
        raise ValueError("The model in this classifier file is of another kind than its header says.")
    if algorithm == "random_forest":
        _check_forest(model)
    return int(model.n_features_in_)


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
