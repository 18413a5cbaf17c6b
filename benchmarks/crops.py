"""Reading a folder of labelled crops: features, verdicts and places, through the product's own code."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detection.description.feature_store import pack
from detection.features import get_extractor
from detection.features.augmentation import AUGMENTED, AugmentedExtractor
from detection.imagery.decode import read_image
from detection.imagery.light import LIGHTS
from detection.imagery.placement import parse_crop_name
from detection.learning.evaluation import block_group, tile_group

# Networks converted for benchmarks, in the folder that a demo in this place uses too.
ENGINES = Path("var/engines")


@dataclass(frozen=True)
class LabelledCrops:
    """`feature_blocks`: the extractor's; `features` float32 (n, d), `mining` bool (n,), `tiles`, `blocks` and `dates` one word a row; `copies` float32
    (k, n, d), the augmented crops."""

    features: npt.NDArray[np.float32]
    mining: npt.NDArray[np.bool_]
    tiles: npt.NDArray[np.str_]
    blocks: npt.NDArray[np.str_]
    dates: npt.NDArray[np.str_]
    copies: npt.NDArray[np.float32]
    feature_blocks: tuple[tuple[int, float], ...]


def read_crops(folder: Path, extractor: str = "texture", *, plain: bool = False) -> LabelledCrops:
    """All crops of `positive/` and `negative/` under `folder`, on two processes; `plain`: without augmented copies."""
    lights = LIGHTS if extractor in AUGMENTED and not plain else ()
    files = [
        (file, kind == "positive")
        for kind in ("positive", "negative")
        for file in sorted((folder / kind).iterdir())
    ]
    with ProcessPoolExecutor(2) as pool:
        describe = partial(_describe, extractor=extractor, lights=lights)
        rows = np.stack(list(pool.map(describe, [str(file) for file, _mining in files], chunksize=8)))
    places = [parse_crop_name(file.name) for file, _mining in files]
    known = [place for place in places if place is not None]
    if len(known) != len(files):
        raise SystemExit("every crop's name must tell its place: <lat>_<lon>_<day>_super_<k>.png")
    return LabelledCrops(
        features=np.ascontiguousarray(rows[:, 0]),
        mining=np.array([mining for _file, mining in files]),
        tiles=np.array([tile_group(place.latitude, place.longitude) for place in known]),
        blocks=np.array([block_group(place.latitude, place.longitude) for place in known]),
        dates=np.array([str(place.capture_date) for place in known]),
        copies=np.ascontiguousarray(rows[:, 1:].swapaxes(0, 1)),
        feature_blocks=get_extractor(extractor, cache=ENGINES).blocks,
    )


def _describe(file: str, extractor: str, lights: Sequence[str]) -> npt.NDArray[np.float32]:
    """float32 (1 + lights, d): the crop as it is, then in each other light."""
    image = read_image(Path(file).read_bytes()).pixels
    superpixel = np.ones(image.shape[:2], dtype=np.int32)
    plain = get_extractor(extractor, cache=ENGINES)
    # Through float16, as the feature store keeps them.
    return np.stack(
        [
            pack(one.extract(image, superpixel))[0].astype(np.float32)
            for one in (plain, *(AugmentedExtractor(plain, light) for light in lights))
        ]
    )
