"""Images that people attach: upright, small, without what else the file tells; damaged and huge ones are told."""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from playground.documents.pictures import LONGEST_SIDE, is_picture, picture_facts, read_picture
from playground.errors import BadValueError, MissingError
from playground.records import Picture
from tests.pictures import colour, halves, opened, written

# Which side is red, by the file's orientation, when the left half of its pixels is.
UPRIGHT = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}
SAMPLES = {
    "PNG": written(halves()),
    "JPEG": written(halves(), "JPEG", quality=90),
    "GIF": written(halves(), "GIF"),
    "WEBP": written(halves(), "WEBP", lossless=True),
}


def read(folder: Path, data: bytes, name: str = "cat.png") -> tuple[Picture, tuple[str, ...]]:
    file = folder / "file"
    file.write_bytes(data)
    return read_picture(file, name)


@pytest.mark.parametrize(("kind", "data"), SAMPLES.items())
def test_each_kind_is_known_by_its_bytes_and_kept_as_png_or_jpeg(tmp_path: Path, kind: str, data: bytes) -> None:
    assert is_picture(data[:12])
    picture, notes = read(tmp_path, data, "no ending")
    assert (picture.width, picture.height, notes) == (60, 40, ())
    assert picture.media_type == ("image/png" if kind in ("PNG", "GIF") else "image/jpeg")
    assert picture_facts(picture.data) == (picture.media_type, 60, 40)
    assert [colour(opened(picture.data), x, 20) for x in (5, 55)] == ["red", "blue"]


@pytest.mark.parametrize("head", [b"", b"\x89PN", b"BM\x00", b"RIFF\x00\x00\x00\x00WAVE", b"II*\x00", b"hello world!"])
def test_nothing_else_is_taken_for_one(head: bytes) -> None:
    assert not is_picture(head)
    assert picture_facts(head) is None


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize(("orientation", "red"), UPRIGHT.items())
def test_it_is_turned_as_the_camera_says(tmp_path: Path, orientation: int, red: str, format: str) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    picture, _ = read(tmp_path, written(halves(), format, exif=exif))
    size = (60, 40) if orientation < 5 else (40, 60)
    assert (picture.width, picture.height) == size
    right, bottom = size[0] - 3, size[1] - 3
    spots = {"left": (3, 20), "right": (right, 20), "top": (20, 3), "bottom": (20, bottom)}
    shown = {place: colour(opened(picture.data), *spot) for place, spot in spots.items()}
    assert shown[red] == "red"
    assert shown[{"left": "right", "right": "left", "top": "bottom", "bottom": "top"}[red]] == "blue"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_what_a_file_tells_beside_its_pixels_is_dropped(tmp_path: Path, format: str) -> None:
    exif = Image.Exif()
    exif[0x10F] = "secret camera"
    options: dict[str, Any] = {"exif": exif, "icc_profile": b"secret profile " * 20}
    if format == "JPEG":
        options["comment"] = b"secret words"
    data = written(halves(), format, **options)
    assert b"secret" in data or format != "JPEG"
    picture, _ = read(tmp_path, data)
    small = opened(picture.data)
    assert b"secret" not in picture.data
    assert not set(small.info) & {"exif", "icc_profile", "comment", "xmp"}
    assert not dict(small.getexif())


@pytest.mark.parametrize(("size", "small"), [((4000, 1000), (1536, 384)), ((100, 3072), (50, 1536)), ((9, 5), (9, 5))])
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_large_ones_are_made_smaller_and_small_ones_left(
    tmp_path: Path, size: tuple[int, int], small: tuple[int, int], format: str
) -> None:
    picture, _ = read(tmp_path, written(halves(*size), format))
    assert (picture.width, picture.height) == opened(picture.data).size == small
    assert max(small) <= LONGEST_SIDE


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "I;16"])
def test_every_way_to_write_colours(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        image: Image.Image = Image.frombytes("I;16", (40, 20), struct.pack("<800H", *(82 * n for n in range(800))))
    else:
        image = halves(40, 20).convert("RGBA" if mode == "PA" else mode)
    picture, _ = read(tmp_path, written(image, "JPEG" if mode == "CMYK" else "PNG"))
    small = opened(picture.data)
    assert small.mode in ("L", "RGB", "RGBA")
    assert small.convert("L").getextrema() != (255, 255)
    if mode == "I;16":
        assert small.getextrema() == (0, 255)


def test_what_can_be_seen_through_stays_so(tmp_path: Path) -> None:
    clear = halves().convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    for format in ("PNG", "WEBP"):
        picture, _ = read(tmp_path, written(clear, format))
        assert (picture.media_type, opened(picture.data).mode) == ("image/png", "RGBA")
    solid = halves().convert("RGBA")
    assert opened(read(tmp_path, written(solid))[0].data).mode == "RGB"


def test_photographs_in_png_become_jpeg_and_clear_ones_stand_on_white(tmp_path: Path) -> None:
    noise = Image.effect_noise((1500, 1500), 90).convert("RGBA")
    noise.putpixel((0, 0), (0, 0, 0, 0))
    noise.paste((0, 0, 0, 0), (0, 0, 60, 60))
    picture, _ = read(tmp_path, written(noise))
    assert picture.media_type == "image/jpeg"
    assert min(opened(picture.data).getpixel((20, 20))) > 240  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_image(tmp_path: Path, format: str) -> None:
    frames = [halves(), Image.new("RGB", (60, 40), "blue")]
    picture, notes = read(tmp_path, written(frames[0], format, save_all=True, append_images=frames[1:]))
    assert notes == ("Only the first image of this animation is used.",)
    assert colour(opened(picture.data), 5, 20) == "red"


@pytest.mark.parametrize(("kind", "data"), SAMPLES.items())
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_part_of_a_file_is_told(tmp_path: Path, kind: str, data: bytes, share: float) -> None:
    with pytest.raises(BadValueError, match=r"^cat\.png is damaged, or a part of it is missing\. Open it"):
        read(tmp_path, data[: max(12, int(len(data) * share))])


def test_a_small_file_that_would_fill_the_memory_is_not_opened(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for side in (9_440, 60_000):  # Beyond the first, Pillow warns; beyond the second, it refuses.
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        pixels = zlib.compress(bytes(1000))
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
        with pytest.raises(BadValueError, match="more than 89 million pixels"):
            read(tmp_path, bomb)
        assert picture_facts(bomb) is None


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="is not there any more"):
        read_picture(tmp_path / "gone", "gone.png")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", SAMPLES)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(12, 2000), st.integers(0, 255)), min_size=1, max_size=20))
def test_whatever_is_in_the_file_it_is_read_or_told(tmp_path: Path, kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLES[kind])
    for at, value in changes:
        data[12 + at % (len(data) - 12)] = value
    with contextlib.suppress(BadValueError):
        picture, _ = read(tmp_path, bytes(data))
        assert picture_facts(picture.data) == (picture.media_type, picture.width, picture.height)
