"""Where converted networks lie, the site's own tiles to convert with, and what an admin is told about it.

Left out: converting (`detection.features.conversion`). The web process reads the state of things and loads no engine.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.utils.translation import gettext as _

from amberapp import storage
from amberapp.errors import UserError
from detection.features import EXTRACTOR_NAMES, ExtractorUnavailable
from detection.features.conversion import ConversionFailed, Converted, find
from detection.features.lite0.describe import CROPS, source_of
from detection.features.protocol import WeightsSource
from detection.features.resnet50_network import find_weights
from detection.imagery.decode import UnreadableImage, read_image
from detection.models import Tile

logger = logging.getLogger("amber.features")

# Half of them measure ranges, half check the outcome.
IMAGES = 16
# A huge picture would measure nothing more and take long.
LONGEST_SIDE = 2500


def cache_folder() -> Path:
    """Where this machine keeps converted networks."""
    return Path(settings.HOME) / "engines"


def images_to_convert_with() -> list[npt.NDArray[np.uint8]]:
    """Up to IMAGES whole tiles of all regions, uint8 (h, w, 3), in the order of their hashes: any, but always the same.

    Tiles that cannot be read are left out; the list may be empty.
    """
    images = []
    tiles = Tile.objects.whole().filter(width__lte=LONGEST_SIDE, height__lte=LONGEST_SIDE)
    for key in tiles.order_by("sha256", "pk").values_list("image_key", flat=True)[:IMAGES]:
        try:
            images.append(read_image(storage.get(key)).pixels)
        except (UnreadableImage, UserError) as error:
            logger.warning("Left out of a conversion: %s", error)
    return images


class SharedConversions:
    """Conversions under `engines/` in the site's storage, so that all its machines make the same numbers."""

    def get(self, name: str) -> bytes | None:
        """The archive of that name, if another machine has left one."""
        key = f"engines/{name}"
        return storage.get(key) if storage.exists(key) else None

    def put(self, name: str, data: bytes) -> None:
        """Leave an archive; another machine's, put there meanwhile, stays."""
        key = f"engines/{name}"
        if not storage.exists(key):
            storage.put(key, data)


@dataclass(frozen=True)
class ExtractorState:
    """What an admin is told of an extractor: whether it can be had, and a sentence; "" where all is well."""

    name: str
    usable: bool
    sentence: str


def extractor_state(name: str) -> ExtractorState:
    """Whether new classifiers can be trained on `name` here, as far as can be told without loading an engine."""
    if name not in EXTRACTOR_NAMES:
        return ExtractorState(
            name,
            False,
            _("AMBER_EXTRACTOR names no feature extractor that exists: choose one of %(names)s.")
            % {"names": ", ".join(EXTRACTOR_NAMES)},
        )
    if name == "texture":
        return ExtractorState(name, True, "")
    if name == "texture-lite0":
        return _state_of_lite0(name)
    try:
        source = find_weights(
            settings.AMBER["AMBER_RESNET50_WEIGHTS"], settings.AMBER["AMBER_RESNET50_WEIGHTS_SHA256"]
        )
        converted = find(source, "int8", cache_folder())
    except ExtractorUnavailable as error:
        return ExtractorState(name, False, f"{error} {_('New classifiers are trained on texture instead.')}")
    except ConversionFailed as error:
        return ExtractorState(name, True, f"{error} {_('ResNet50 runs without it, several times slower.')}")
    return ExtractorState(name, True, _how_it_runs(name, source, converted))


def _state_of_lite0(name: str) -> ExtractorState:
    try:
        converted = find(source_of(CROPS), "fp32", cache_folder())
    except ExtractorUnavailable as error:
        return ExtractorState(name, False, f"{error} {_('New classifiers are trained on texture instead.')}")
    except ConversionFailed as error:
        sentence = _("%(reason)s EfficientNet-Lite0 runs without it, several times slower.") % {
            "reason": error
        }
        return ExtractorState(name, True, sentence)
    if converted is None:
        return ExtractorState(name, True, _("It is converted for this machine when it is first needed."))
    return ExtractorState(name, True, "")


def _how_it_runs(name: str, source: WeightsSource, converted: Converted | None) -> str:
    if converted is not None and converted.accepted(name):
        return _("It runs in int8; its features are as near as cosine %(cosine).4f to those of Keras.") % {
            "cosine": converted.cosine(name)
        }
    if converted is not None:
        return _(
            "Its int8 form was refused: the cosine of its features to those of Keras falls to %(cosine).3f. "
            "It runs in float32, about three times slower."
        ) % {"cosine": converted.cosine(name)}
    if source.path is None and not _downloaded():
        return _(
            "Its weights are not here yet: the worker tries to download them when it first needs them. If that "
            "fails, it trains on texture instead and says so; without a network, name a weights file in "
            "AMBER_RESNET50_WEIGHTS."
        )
    return _("It is converted for this machine when it is first needed, which takes a minute or two.")


def _downloaded() -> bool:
    """Whether Keras has its weights already, in the folder where it looks for them."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return (home / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5").exists()
