"""Makes an image that someone attaches small and safe: known by its first bytes, turned upright, without what else the
file tells (place, camera), at most 1536 pixels long, as PNG or JPEG. Knows nothing of models, pages or storage.
"""

from __future__ import annotations

import io
import re
import struct
import threading
from pathlib import Path

from PIL import ExifTags, Image

from playground.documents.joining import cleaned
from playground.documents.kinds import shown
from playground.errors import BadValueError, MissingError, StorageError
from playground.records import Picture

LONGEST_SIDE = 1536
"""Pixels: what most models look at is no larger, and a page of text can still be read."""
_MOST_PIXELS = 89_000_000
"""Of the file. A small file can hold a picture that fills the memory."""
_KIND = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP", re.DOTALL)
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_DRAWN, _MOVING = ("PNG", "GIF"), ("PNG", "GIF", "WEBP")
_KEPT = {"PNG": "image/png", "JPEG": "image/jpeg"}
_LARGE_PNG = 1_000_000
"""Bytes beyond which a photograph is assumed, which JPEG holds in a tenth."""
_QUALITY = 90
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, OverflowError)
"""What Pillow raises for broken files, by kind and place of the damage."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation."""
_one_at_a_time = threading.Lock()
"""A large picture takes some hundred megabytes for a moment."""


def is_picture(head: bytes) -> bool:
    """Is this the beginning (12 bytes) of a PNG, JPEG, WebP or GIF file?"""
    return _KIND.match(head) is not None


def read_picture(file: Path, name: str) -> tuple[Picture, tuple[str, ...]]:
    """The image in `file`, which its owner calls `name`, made small and safe; and what is to be told of it.

    Raises BadValueError when it is damaged or far too large, MissingError when it is not there, StorageError when the
    disk fails.
    """
    said = shown(cleaned(name)[0])
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise MissingError(f"{said} is not there any more. Attach it again.") from error
    except OSError as error:
        raise StorageError(f"{said} cannot be read ({error.strerror}). Check its rights, or copy it.") from error
    with _one_at_a_time:
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _check_size(image.size, said)
                moving = image.format in _MOVING and getattr(image, "is_animated", False)
                drawn = image.format in _DRAWN
                small = _upright(image)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _too_large(said) from None
        except _BROKEN as error:
            raise BadValueError(
                f"{said} is damaged, or a part of it is missing. Open it in an image program and save it anew."
            ) from error
        return _kept(small, drawn=drawn), ("Only the first image of this animation is used.",) if moving else ()


def picture_facts(data: bytes) -> tuple[str, int, int] | None:
    """Media type, width and height of an image as `read_picture` makes them; None for anything else."""
    if not is_picture(data[:12]):
        return None
    try:
        with Image.open(io.BytesIO(data), formats=tuple(_KEPT)) as image:
            if max(image.size) > LONGEST_SIDE:
                return None
            image.load()
            return _KEPT[str(image.format)], image.width, image.height
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, *_BROKEN):
        return None


def _check_size(size: tuple[int, int], said: str) -> None:
    if size[0] * size[1] > _MOST_PIXELS:
        raise _too_large(said)


def _too_large(said: str) -> BadValueError:
    return BadValueError(
        f"{said} has more than {_MOST_PIXELS // 1_000_000} million pixels, which are not opened. Make it smaller first."
    )


def _upright(image: Image.Image) -> Image.Image:
    """The pixels alone, as they are to be seen, small, in gray (L), RGB or RGBA."""
    turned = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    clear = image.has_transparency_data
    mode = "RGBA" if clear else "L" if image.mode in ("1", "L", "I;16") else "RGB"
    if image.mode == "I;16":  # A conversion alone would cut off all above 255.
        image = image.point(lambda value: value / 256).convert("L")
    elif clear or image.mode in ("P", "1"):  # Colours by number cannot be mixed.
        image = image.convert(mode)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    image = image.convert(mode)
    if turned is not None:
        image = image.transpose(turned)
    if clear and image.getchannel("A").getextrema()[0] == 255:
        image = image.convert("RGB")
    image.info.clear()  # It would be written with the pixels.
    return image


def _kept(image: Image.Image, *, drawn: bool) -> Picture:
    """What is drawn, or can be seen through, as PNG where that is small; else as JPEG, on white."""
    data, media_type = _written(image, "PNG") if drawn or image.mode == "RGBA" else b"", "image/png"
    if not data or len(data) > _LARGE_PNG:
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        data, media_type = _written(image, "JPEG"), "image/jpeg"
    return Picture(media_type, data, image.width, image.height)


def _written(image: Image.Image, format: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, quality=_QUALITY)
    return stream.getvalue()
