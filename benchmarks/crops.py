"""Reading a folder of labelled crops: features, verdicts and places, through the product's own code."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detection.feature_store import pack
from detection.features import get_extractor
from detection.imagery.decode import read_image
from detection.imagery.placement import parse_crop_name
from detection.learning.evaluation import block_group, tile_group


@dataclass(frozen=True)
class LabelledCrops:
    """`features` float32 (n, d), `mining` bool (n,), `tiles` and `blocks` one word a row."""

    features: npt.NDArray[np.float32]
    mining: npt.NDArray[np.bool_]
    tiles: npt.NDArray[np.str_]
    blocks: npt.NDArray[np.str_]


def read_crops(folder: Path, extractor: str = "texture") -> LabelledCrops:
    """All crops of `positive/` and `negative/` under `folder`, on two processes."""
    files = [
        (file, kind == "positive")
        for kind in ("positive", "negative")
        for file in sorted((folder / kind).iterdir())
    ]
    with ProcessPoolExecutor(2) as pool:
        rows = list(
            pool.map(_describe, [str(file) for file, _mining in files], [extractor] * len(files), chunksize=8)
        )
    places = [parse_crop_name(file.name) for file, _mining in files]
    known = [(place.latitude, place.longitude) for place in places if place is not None]
    if len(known) != len(files):
        raise SystemExit("every crop's name must tell its place: <lat>_<lon>_<day>_super_<k>.png")
    return LabelledCrops(
        np.stack(rows),
        np.array([mining for _file, mining in files]),
        np.array([tile_group(*place) for place in known]),
        np.array([block_group(*place) for place in known]),
    )


def _describe(file: str, extractor: str) -> npt.NDArray[np.float32]:
    image = read_image(Path(file).read_bytes()).pixels
    features = get_extractor(extractor).extract(image, np.ones(image.shape[:2], dtype=np.int32))
    # Through float16, as the feature store keeps them.
    return pack(features)[0].astype(np.float32)
