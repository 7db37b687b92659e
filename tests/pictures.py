"""Small image files for tests, and what they look like."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from playground.records import Attachment

RED, BLUE = (220, 20, 20), (20, 20, 220)


def halves(width: int = 60, height: int = 40) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height))
    return image


def written(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """The file."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def opened(data: bytes) -> Image.Image:
    """The image in a file, read whole."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return image


def colour(image: Image.Image, x: int, y: int) -> str:
    """Which of its colours stands there."""
    pixel: Any = image.convert("RGB").getpixel((x, y))
    return {(True, False): "red", (False, True): "blue"}.get((pixel[0] > 128, pixel[2] > 128), "other")


def attached(id: str = "i1", name: str = "cat.png", size: tuple[int, int] = (60, 40), **changes: Any) -> Attachment:
    """An image as it is kept."""
    data = written(halves(*size))
    values: dict[str, Any] = dict(id=id, name=name, media_type="image/png", size=len(data), sha256="a" * 64, data=data)
    values |= dict(width=size[0], height=size[1], pages=None, notes=(), characters=0)
    return Attachment(**values | changes)
