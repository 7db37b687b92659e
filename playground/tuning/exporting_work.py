"""`python -m playground.tuning.exporting_work`: makes one export as stdin says, and compares it; JSON lines on stdout.

{"step", "done", "total"} while it works, {"made": true} when the file is whole, then {"check"}; or {"error"}.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playground.engine.adapter_zip import zip_adapter
from playground.engine.base import AdapterSource
from playground.engine.export_check import agreement, reference
from playground.engine.gguf_export import to_gguf
from playground.engine.hardware import hardware
from playground.engine.merging import merge
from playground.engine.shape import read_shape
from playground.errors import BadValueError, PlaygroundError
from playground.tuning.launching import quiet
from playground.tuning.runfile import RunFile, RunPlaces, read_run, read_samples

log = logging.getLogger(__name__)
_STEPS = {"loading the base": "load", "merging": "merge", "comparing": "compare", "writing": "write"}
_TOKENS = 500
"""Words after which the next one is compared."""
_SPARE = 800 << 20
"""Memory for libraries and for what is between two layers."""
_DATE = (1980, 1, 1, 0, 0, 0)


def main() -> int:
    """Exit code 0 when the file was made."""
    quiet()
    os.environ["TQDM_DISABLE"] = "1"
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # What libraries print must not stand between our lines.
    out, sys.stdout = sys.stdout, sys.stderr

    def say(**values: Any) -> None:
        out.write(json.dumps(values) + "\n")
        out.flush()

    asked = json.loads(sys.stdin.buffer.read())
    places, target, kind = RunPlaces(Path(asked["root"])), Path(asked["target"]), str(asked["kind"])
    try:
        run = read_run(places)
        made = _make(run, places, kind, target, say)
        say(made=True)
    except PlaygroundError as problem:
        say(error=str(problem))
        return 1
    except MemoryError:
        say(error="There is not enough memory for the model. Close other programs and try again.")
        return 1
    except Exception as problem:
        log.exception("exporting failed")
        said = f"Exporting broke off ({type(problem).__name__}: {str(problem)[:300]}). Export the adapter alone."
        say(error=said)
        return 1
    say(check=_checked(run, places, made, say) if made is not None else {})
    return 0


def _adapter(run: RunFile, places: RunPlaces) -> AdapterSource:
    return AdapterSource(run.title, places.adapter)


def _make(run: RunFile, places: RunPlaces, kind: str, target: Path, say: Callable[..., None]) -> Path | None:
    """Returns what can be compared: nothing of an adapter, whose numbers are copied as they are."""
    if kind == "adapter":
        say(step="zip", done=0, total=0)
        zip_adapter(places.adapter, target)
        return None
    source = run.base.source()
    packed = kind == "merged" and target.suffix == ".zip"
    folder = target if kind == "merged" and not packed else target.parent / "merged" / target.stem
    folder.parent.mkdir(exist_ok=True)
    merge(
        source,
        _adapter(run, places),
        folder,
        lambda what, done, total: say(step=_STEPS.get(what, "merge"), done=done, total=total),
    )
    if packed:
        _pack(folder, target, say)
    if kind == "merged":
        return folder
    base = source.path if source.path.is_file() else None
    to_gguf(
        folder,
        target,
        kind.removeprefix("gguf-"),
        base,
        lambda what, done, total: say(step="gguf", done=done, total=total),
    )
    return target


def _pack(folder: Path, target: Path, say: Callable[..., None]) -> None:
    """Weights are as good as random: packing them takes time and gains nothing."""
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    sizes, done = sum(one.stat().st_size for one in files), 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}", _DATE)
            entry.external_attr = 0o644 << 16
            with file.open("rb") as content, archive.open(entry, "w", force_zip64=True) as packed:
                while piece := content.read(16 << 20):
                    packed.write(piece)
                    done += len(piece)
                    say(step="zip", done=done, total=sizes)


def _checked(run: RunFile, places: RunPlaces, made: Path, say: Callable[..., None]) -> dict[str, Any]:
    """How nearly it computes the same; what keeps it from being compared is told, and is no fault of the file."""
    say(step="check", done=0, total=0)
    try:
        source = run.base.source()
        needed, free = read_shape(source.path).parameters * 4 + _SPARE, hardware(fresh=True).cpu.free
        if needed > free:
            raise BadValueError(
                f"Comparing it needs {needed / 1e9:.1f} GB of memory, but {free / 1e9:.1f} GB are free. "
                "Close other programs and export it again."
            )
        expected = reference(source, _adapter(run, places), _text(places), _TOKENS)
        found = agreement(expected, made)
    except PlaygroundError as problem:
        return {"error": str(problem)}
    except Exception as problem:
        log.exception("comparing failed")
        return {"error": f"The comparison broke off ({type(problem).__name__}: {str(problem)[:300]})."}
    return asdict(found)


def _text(places: RunPlaces) -> str:
    """Words like those that the training was about: first what was held out."""
    found: list[str] = []
    for file in (places.heldout, places.train):
        for sample in read_samples(file):
            found += [turn.content for turn in sample.messages]
            found += [one for one in (sample.chosen, sample.text) if one]
            if sum(map(len, found)) > _TOKENS * 16:
                return "\n".join(found)
    return "\n".join(found)


if __name__ == "__main__":
    sys.exit(main())
