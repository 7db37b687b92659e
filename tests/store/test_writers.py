"""Eight writers at once, in processes of their own: nothing is lost, and nobody is told that the file is locked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from playground.store.checking import check
from tests.conftest import ROOT
from tests.histories import answered, open_history, rows_of

PROCESSES, TURNS = 4, 12
_SCRIPT = """
import json, sys, threading
from pathlib import Path
from tests.histories import *

folder, name, shared = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
failed = []

def work(thread):
    own = None
    try:
        for number in range(int(sys.argv[4])):
            text = f"{name}.{thread}.{number}"
            talk = shared if number % 2 else own
            seen = history.conversation(talk).leaf_id if talk else None
            while True:
                try:
                    new = turn(history, talk, text, seen)
                    break
                except BusyError as error:
                    if "being written" not in str(error):
                        raise
                    seen = history.branch(seen)[-3].id if history.path(seen)[2:] else root
            own = own or new.conversation_id
            history.journal(new.reply_id, "half of " + text)
            history.finish(new.reply_id, "re: " + text, "complete", "", RECORD)
    except Exception as error:
        failed.append(f"{type(error).__name__}: {error}")

from playground.errors import BusyError
history = open_history(folder)
root = history.path(history.conversation(shared).leaf_id)[1]
print("ready", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=work, args=[number]) for number in range(2)]
for one in threads: one.start()
for one in threads: one.join()
print(json.dumps(failed))
"""


def test_eight_writers_lose_nothing(tmp_path: Path) -> None:
    """Four processes of two threads each, every one into its own conversation and into one that all share, in turn."""
    history = open_history(tmp_path)
    shared = answered(history, text="shared").conversation_id
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path)]
    writers = [
        subprocess.Popen(
            [*command, str(number), shared, str(TURNS)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    failed = []
    for writer in writers:
        out, _ = writer.communicate(timeout=120)
        failed += json.loads(out)
    assert failed == []
    wanted = Counter(f"{p}.{t}.{n}" for p in range(PROCESSES) for t in range(2) for n in range(TURNS))
    said = Counter(content for role, content, _ in rows_of(history.database.file) if role == "user")
    assert said == wanted + Counter(["shared"])
    replies = [(content, status) for role, content, status in rows_of(history.database.file) if role == "assistant"]
    assert Counter(replies) == Counter((f"re: {text}", "complete") for text in said)
    assert check(history.database.file, running=False).sound
    assert len(history.tree(shared)) == 2 + 2 * PROCESSES * 2 * (TURNS // 2)
    history.database.close()
