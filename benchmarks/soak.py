"""Hours of use, and what grows meanwhile: memory, threads, open files, sessions, files in the cache.

    python benchmarks/soak.py [--hours 1] [--turns 2000] [--models echo,starter] [--starter PATH] [--out soak.csv]

The app runs as its own process on a data folder of its own. An owner, guests through the door, an account and a program
work on it for the whole time, guests come and go, models are loaded and unloaded. After the warm-up and at the end
everyone leaves: what was held at these two moments is compared exactly. Ctrl-C ends it with the figures so far.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.common import App, Row, give_starter, show, starter
from benchmarks.soak_fit import trend
from benchmarks.soak_run import Soak, Wanted
from benchmarks.soak_watch import Sample
from playground.presets import STARTER
from tests.conftest import launch

_ECHO = "echo@150"
"""Slow enough to be stopped in the middle of a reply."""


def main() -> int:
    """Run it, and print the table."""
    wanted = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # It ends as Ctrl-C does.
    with tempfile.TemporaryDirectory() as place, _app(Path(place), wanted) as app:
        soak = Soak(app, wanted, Path(place) / "tmp")
        quiet: list[Sample] = []
        total = wanted.hours * 3600
        warm = int(wanted.turns * wanted.warmup)
        try:
            soak.once()
            soak.work(warm, total * wanted.warmup)
            quiet.append(soak.rest("idle 1"))
            soak.phase = "work"
            soak.work(wanted.turns, total * (1 - wanted.warmup))
            quiet.append(soak.rest("idle 2"))
        except KeyboardInterrupt:
            print("\nEnded by hand; everyone leaves, then the figures so far.", flush=True)
            soak.stop.set()
            if len(quiet) == 1:
                quiet.append(soak.rest("idle 2"))
        finally:
            soak.close()
        log = app.data / "playground.log"
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        show(f"{soak.turns} turns in {wanted.hours} h, {', '.join(wanted.models)}", _rows(soak, quiet, lines))
    return 0


def _rows(soak: Soak, quiet: list[Sample], log: list[str]) -> list[Row]:
    work = [one for one in soak.watch.samples if one.phase == "work"]
    # Beside a change of models, memory is between two levels.
    beside = zip(work, work[1:], work[2:], strict=False)
    samples = [one for before, one, after in beside if before.models == one.models == after.models]
    hours, groups = [one.hours for one in samples], [one.models for one in samples]
    rows = []
    for name, bar in (("rss", "< 1 MB/h"), ("pss", ""), ("uss", "")):
        found = trend(hours, [getattr(one, name) for one in samples], groups)
        if found is not None:
            met = found.slope < 1.0 if bar else None
            rows.append(Row(f"{name.upper()} after the warm-up, MB/h ({found.samples} samples)", found.words, bar, met))
    if len(quiet) == 2:
        first, last = quiet
        for name in ("rss", "pss", "uss"):
            between = f"{getattr(first, name):.1f} -> {getattr(last, name):.1f} MB"
            rows.append(Row(f"{name.upper()} at rest", f"{between} in {last.hours - first.hours:.2f} h"))
        for name in ("threads", "children", "fds", "sockets", "databases", "deleted", "other_fds", "inside",
                     "cache_files", "upload_files", "guest_files", "temp_files"):  # fmt: skip
            before, after = getattr(first, name), getattr(last, name)
            rows.append(Row(f"{name.replace('_', ' ')} at rest", f"{before} -> {after}", "no more", after <= before))
        kept = f"of it read conversations and converted models {first.kept_mb:.0f} -> {last.kept_mb:.0f} MB"
        rows.append(
            Row("data folder", f"{first.data_mb:.1f} -> {last.data_mb:.1f} MB, {kept}; log {last.log_kb:.0f} kB")
        )
    out = soak.outcomes
    rows.append(Row("done", ", ".join(f"{name} {count}" for name, count in sorted(out.done.items()))))
    rows.append(Row("refused in words", f"{out.refused.total()}"))
    rows += [Row(f"  {count} x", words) for words, count in out.refused.most_common(8)]
    rows.append(Row("errors that are no refusal", f"{out.errors.total()}", "0", not out.errors.total()))
    rows += [Row(f"  {count} x", words) for words, count in out.errors.most_common(12)]
    rows.append(Row("lines in the log", f"{len(log)}"))
    rows += [Row("  ", line[:160]) for line in [one for one in log if " ERROR " in one or " WARNING " in one][:6]]
    return rows


@contextlib.contextmanager
def _app(place: Path, wanted: Wanted) -> Iterator[App]:
    """The app in a process (and session) of its own: Ctrl-C at a terminal is for us alone."""
    temp, data = place / "tmp", place / "data"
    temp.mkdir()
    data.mkdir()
    os.environ["TMPDIR"] = str(temp)
    if STARTER in wanted.models:
        give_starter(wanted.starter or starter(), data)
    under = ["setsid"] if shutil.which("setsid") else []
    engine = ["--engine", "echo"] if wanted.models[0].startswith("echo") else []
    app = launch(data, "--model", wanted.models[0], "--offline", *engine, under=under)
    assert app.process.stdout is not None
    threading.Thread(target=app.process.stdout.read, daemon=True).start()  # A full pipe would stop it.
    try:
        yield app
    finally:
        try:
            app.quit()
        except Exception:  # noqa: BLE001 - it must not outlive us.
            app.kill()


def _options() -> Wanted:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--hours", type=float, default=1.0)
    options.add_argument("--turns", type=int, default=2000)
    options.add_argument("--models", default="echo,starter", help="the first one stays loaded at rest")
    options.add_argument("--starter", type=Path, help="the starter model's file")
    options.add_argument("--out", type=Path, default=Path("soak.csv"), help="where the samples go")
    options.add_argument("--warmup", type=float, default=0.15, help="share of turns and time")
    options.add_argument("--idle", type=float, default=40.0, help="seconds of rest before it is compared")
    options.add_argument("--tokens", type=int, default=24, help="of a reply, at most")
    options.add_argument("--seed", type=int, default=1)
    given = vars(options.parse_args())
    names = {"echo": _ECHO, "starter": STARTER}
    given["models"] = [names.get(one, one) for one in given["models"].split(",")]
    return Wanted(**given)


if __name__ == "__main__":
    sys.exit(main())
