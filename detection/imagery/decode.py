"""From the bytes of an image file to pixels that the rest of Amber can trust.

What comes out is always 8-bit RGB, upright, with a mask where parts are transparent. The header is checked
before anything is decoded, so a small file that unpacks to gigabytes costs nothing.

Left out: colour profiles (CMYK is turned into RGB by the plain formula), bands beyond red, green and blue,
pages of a TIFF after the first (overviews and masks, usually).
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from detection.imagery.sentences import Sentence, gettext_noop

MAX_PIXELS = 40_000_000
MAX_BYTES = 100 * 1024 * 1024
MIN_SIDE = 8
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP")

_ORIENTATION_TAG = 0x0112
# Under half of it a pixel counts as "no data"; above, its colour is taken as it stands.
_OPAQUE = 128
_MULTIPAGE = ("TIFF", "MPO")


class UnreadableImage(Exception):
    """These bytes are no image that can be imported; `reason` says why in one sentence."""

    def __init__(self, template: str, **values: object) -> None:
        self.reason = Sentence(template, values)
        super().__init__(str(self.reason))

    def __str__(self) -> str:
        return str(self.reason)


@dataclass(frozen=True)
class DecodedImage:
    """Pixels as a person sees them.

    pixels: uint8 (height, width, 3), RGB, 0…255, y down; black where `valid` is False.
    valid: bool (height, width), False where the file is transparent (no data); None when all is valid.
    format, media_type: of the file, such as "JPEG" and "image/jpeg".
    turned: the file asked to be rotated or mirrored (EXIF orientation), and it was.
    """

    pixels: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_] | None
    width: int
    height: int
    format: str
    media_type: str
    turned: bool


def read_image(data: bytes) -> DecodedImage:
    """Decode one still image.

    Greyscale is repeated in three channels, a palette is looked up. 16-bit grey is scaled linearly from 0 to
    the smallest power of two above its largest value, so 12-bit data is not black; 16-bit colour keeps its
    upper eight bits.

    Raises UnreadableImage, whatever the bytes are.
    """
    if not data:
        raise UnreadableImage(gettext_noop("The file is empty (0 bytes)."))
    if len(data) > MAX_BYTES:
        raise UnreadableImage(
            gettext_noop("The file has %(size)s MB; at most %(limit)s MB can be imported."),
            size=len(data) // 2**20,
            limit=MAX_BYTES // 2**20,
        )
    try:
        return _decode(data)
    except UnreadableImage:
        raise
    except (
        Exception
    ) as error:  # decoders raise whatever they like on hostile bytes: OSError, KeyError, struct.error…
        raise UnreadableImage(
            gettext_noop("The image is damaged and cannot be decoded to its end (%(detail)s)."),
            detail=_short(error),
        ) from None


def _decode(data: bytes) -> DecodedImage:
    image = _open(data)
    _check_size(image.width, image.height)
    kind = image.format or ""
    if getattr(image, "is_animated", False) and kind not in _MULTIPAGE:
        raise UnreadableImage(
            gettext_noop("This is an animation of %(frames)s pictures; a tile is one still image."),
            frames=getattr(image, "n_frames", 2),
        )
    sixteen_bits = any(";16" in str(part) for part in getattr(image, "tile", ()))
    orientation = _orientation(image)
    media_type = Image.MIME.get(kind, "application/octet-stream")
    image.load()
    if kind != "TIFF":  # Pillow turns a TIFF itself while loading
        image = _upright(image, orientation)
    pixels, valid = _to_rgb(image)
    if sixteen_bits and image.mode == "RGB" and int(pixels.max(initial=0)) < 64:
        raise UnreadableImage(
            gettext_noop("The 16-bit colours use only the lowest bits: convert the file to 8 bits a channel.")
        )
    if valid is not None:
        if not valid.any():
            raise UnreadableImage(gettext_noop("The image is transparent everywhere: it shows no ground."))
        if valid.all():
            valid = None
        else:
            pixels[~valid] = 0
    height, width = pixels.shape[:2]
    return DecodedImage(
        pixels=pixels,
        valid=valid,
        width=width,
        height=height,
        format=kind,
        media_type=media_type,
        turned=orientation != 1,
    )


def _open(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # The check of the size that follows is the stricter one.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UnreadableImage(
            gettext_noop("The image has more than %(limit)s million pixels: cut it into tiles first."),
            limit=MAX_PIXELS // 1_000_000,
        ) from None
    except UnidentifiedImageError:
        pass
    if _looks_like_text(data):
        raise UnreadableImage(gettext_noop("The file holds text, not an image, whatever its name says."))
    raise UnreadableImage(
        gettext_noop("This is not an image that Amber can read (%(formats)s), or its beginning is damaged."),
        formats=", ".join(FORMATS),
    )


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            gettext_noop(
                "The image has %(width)s×%(height)s pixels, more than %(limit)s million: cut it into tiles first."
            ),
            width=width,
            height=height,
            limit=MAX_PIXELS // 1_000_000,
        )
    if min(width, height) < MIN_SIDE:
        raise UnreadableImage(
            gettext_noop("The image has %(width)s×%(height)s pixels; each side needs at least %(limit)s."),
            width=width,
            height=height,
            limit=MIN_SIDE,
        )


def _looks_like_text(data: bytes) -> bool:
    head = data[:512]
    try:
        text = head.decode("utf-8", errors="strict" if len(data) <= 512 else "ignore")
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter in "\r\n\t\ufeff" for letter in text)


def _orientation(image: Image.Image) -> int:
    """1…8 as EXIF numbers them; 1 (upright) where the file does not say it, or not legibly."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # an EXIF block of any bytes: a picture whose block is broken states no orientation
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    if orientation == 1:
        return image
    return ImageOps.exif_transpose(image)


def _to_rgb(image: Image.Image) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_] | None]:
    if image.mode == "F":
        raise UnreadableImage(
            gettext_noop(
                "The file holds measured values (floating point), not a picture: export it as 8-bit RGB."
            )
        )
    if image.mode.startswith("I"):
        return _from_deep_grey(np.asarray(image)), None
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        if image.mode in ("La", "RGBa"):
            image = image.convert("LA" if image.mode == "La" else "RGBA")
        array = np.array(image.convert("RGBA"))
        return np.ascontiguousarray(array[..., :3]), array[..., 3] >= _OPAQUE
    return np.array(image.convert("RGB")), None


def _from_deep_grey(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """uint8 (height, width, 3) from integers (height, width) in 0…65535."""
    numbers = values.astype(np.int64)
    highest = int(numbers.max(initial=0))
    if int(numbers.min(initial=0)) < 0 or highest > 65535:
        raise UnreadableImage(
            gettext_noop(
                "The file holds measured values (%(low)s to %(high)s), not a picture: export it as 8-bit."
            ),
            low=int(numbers.min(initial=0)),
            high=highest,
        )
    bits = max(8, highest.bit_length())
    grey = (numbers >> (bits - 8)).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else text[:117] + "…"
