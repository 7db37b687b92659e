"""Gives a downloaded model that has its weights as a pickle the safetensors that engines read. Asks nobody: who calls
it has the user's consent.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from playground.engine.convert import convert_pickle
from playground.engine.library import MANIFEST, Installed, KeptFile, write_manifest
from playground.engine.transfer import sha256_of
from playground.errors import BadValueError
from playground.paths import DataFolder, storage_error

_ORIGIN = ("source", "revision", "license")


def convert_installed(model: Installed, folder: DataFolder) -> Path:
    """Convert the model in its place and return the folder. The pickles that were downloaded go; files that a person
    put there himself stay. Raises BadValueError when it is no pickle, ModelError and StorageError as `convert_pickle`.
    """
    if model.kind != "pickle":
        raise BadValueError(f"{model.name} is no pickle, so there is nothing to convert. Load it.")
    place = folder.models / f".converted-{model.path.name}"
    try:
        shutil.rmtree(place, ignore_errors=True)  # Left by a process that was killed.
        convert_pickle(model.path, place)
        made = sorted(file for file in place.iterdir() if ".safetensors" in file.suffixes)
        for file in made:
            os.replace(file, model.path / file.name)
        _note(model, [model.path / file.name for file in made])
    except OSError as error:
        raise storage_error(error, model.path) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return model.path


def _note(model: Installed, made: list[Path]) -> None:
    """The manifest names what is there now; only then the pickles are deleted."""
    manifest = model.path / MANIFEST
    if not manifest.is_file():
        return
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    before = [KeptFile(str(file["path"]), int(file["size"]), str(file["sha256"])) for file in facts["files"]]
    kept = [file for file in before if not file.path.endswith((".bin", ".bin.index.json"))]
    kept += [KeptFile(file.name, file.stat().st_size, sha256_of(file)) for file in made]
    write_manifest(model.path, model.name, {key: str(facts[key]) for key in _ORIGIN}, kept)
    for file in before:
        if file not in kept:
            (model.path / file.path).unlink(missing_ok=True)
