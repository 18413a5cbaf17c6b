"""From whatever a stranger sends as a photo to a picture that holds nothing but pixels.

The bytes are checked before anything is decoded, decoded once, made smaller and written anew: EXIF with its place and
time, colour profiles, comments, thumbnails, further frames and anything hung onto the file are not carried over,
because only pixels are. What a sender calls the file (its name, its media type) is not looked at: the bytes decide.

Left out: conversion of colours (a phone's wide colours look a little duller), animation, HEIC, vector pictures.
"""

import io
import re
import threading
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from detection.imagery.sentences import Sentence, gettext_noop

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 36_000_000
# What cannot be decoded at a fraction of its size (all but JPEG) costs ten bytes a pixel and more: a phone's
# screen has four million, its camera writes JPEG.
MAX_PIXELS_WHOLE = 13_000_000
MIN_SIDE = 16
# The longer side of what is kept: enough to tell a pit from a puddle, too little to tell who stands beside it far off.
KEPT_SIDE = 1600
QUALITY = 80
MEDIA_TYPE = "image/webp"
SUFFIX = ".webp"
FORMATS = ("JPEG", "PNG", "WEBP")
# A camera's progressive JPEG has about ten scans. Each costs the decoder a walk over the whole picture, and a few
# bytes are enough to ask for one.
MAX_SCANS = 64

_SCAN = b"\xff\xda"
_HEIF = re.compile(rb"^.{4}ftyp(heic|heix|hevc|heim|heis|mif1|msf1|avif|avis)", re.DOTALL)
# One photo at a time in a process: eight threads with a large picture each would not fit into a small machine.
_decoding = threading.Lock()


class PhotoRefused(Exception):
    """These bytes are no photo that can be kept; `reason` says why in one sentence."""

    def __init__(self, template: str, **values: object) -> None:
        self.reason = Sentence(template, values)
        super().__init__(str(self.reason))


def clean_photo(data: bytes) -> bytes:
    """The photo as WebP, upright, RGB, its longer side at most 1600 pixels, without anything but pixels.

    Raises PhotoRefused, whatever the bytes are.
    """
    if not data:
        raise PhotoRefused(gettext_noop("The photo's file is empty."))
    if len(data) > MAX_BYTES:
        raise PhotoRefused(
            gettext_noop("The photo has %(size)s MB; at most %(limit)s MB can be sent."),
            size=-(-len(data) // 2**20),
            limit=MAX_BYTES // 2**20,
        )
    with _decoding:
        try:
            return _written_anew(data)
        except PhotoRefused:
            raise
        except (
            Exception
        ):  # decoders raise whatever they like on hostile bytes: OSError, SyntaxError, struct.error…
            raise PhotoRefused(
                gettext_noop(
                    "The photo is damaged and cannot be read to its end. Send it again, or another one."
                )
            ) from None


def _written_anew(data: bytes) -> bytes:
    with _opened(data) as image:
        _check(image, data)
        # A JPEG is decoded at a half, a quarter or an eighth where that is still large enough.
        image.draft("RGB", (KEPT_SIDE, KEPT_SIDE))
        image.load()
        image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
        upright = ImageOps.exif_transpose(image)
        # Pixels alone are put on a new sheet; a transparent photo lies on white.
        sheet = Image.new("RGB", upright.size, "white")
        seen = upright.convert("RGBA") if upright.has_transparency_data else upright.convert("RGB")
        sheet.paste(seen, mask=seen if seen.mode == "RGBA" else None)
    written = io.BytesIO()
    # Quick rather than small: this door is open to everybody.
    sheet.save(written, "WEBP", quality=QUALITY, method=1)
    return written.getvalue()


def _opened(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # The check of the size that follows is the stricter one.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large(MAX_PIXELS) from None
    except UnidentifiedImageError:
        pass
    if _HEIF.match(data):
        raise PhotoRefused(
            gettext_noop(
                "This photo is in Apple's HEIC form. Send it as JPEG, or take a picture of the screen."
            )
        )
    raise PhotoRefused(
        gettext_noop("This is not a photo that can be read: send a JPEG, PNG or WebP picture.")
    )


def _check(image: Image.Image, data: bytes) -> None:
    width, height = image.size
    most = MAX_PIXELS if image.format in ("JPEG", "MPO") else MAX_PIXELS_WHOLE
    if width * height > most:
        raise _too_large(most)
    if min(width, height) < MIN_SIDE:
        raise PhotoRefused(
            gettext_noop("The photo has only %(width)s×%(height)s pixels: nothing can be seen on it."),
            width=width,
            height=height,
        )
    # A phone's JPEG may hold a second picture for depth (MPO): only the first one is read.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise PhotoRefused(gettext_noop("This is an animation: send one still picture."))
    if image.format in ("JPEG", "MPO") and data.count(_SCAN) > MAX_SCANS:
        raise PhotoRefused(
            gettext_noop("The photo is damaged and cannot be read to its end. Send it again, or another one.")
        )


def _too_large(most: int) -> PhotoRefused:
    return PhotoRefused(
        gettext_noop("The photo has more than %(limit)s million pixels: make it smaller first."),
        limit=most // 1_000_000,
    )
