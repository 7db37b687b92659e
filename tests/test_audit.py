"""That half an audit does not pass as a whole one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "hidden", "skip_reason": "it is not on PyPI"}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ([GOOD], 0, ["audited 1 of 1 packages: 0 known holes, 0 not audited"]),
        ([GOOD, BAD], 1, ["bad 2: PYSEC-1, mended in 3", "audited 2 of 2"]),
        ([GOOD, SKIPPED], 1, ["hidden: NOT AUDITED, it is not on PyPI", "audited 1 of 2", "1 not audited"]),
        ([SKIPPED], 0, ["NOT AUDITED: the advisories could not be reached"]),
        (None, 0, ["NOT AUDITED: no network"]),
    ],
)
def test_what_was_asked_decides(
    tmp_path: Path, answer: list[dict[str, Any]] | None, code: int, said: list[str]
) -> None:
    asks = tmp_path / "pip-audit"
    told = f"print({json.dumps({'dependencies': answer})!r})" if answer else "sys.exit('no network')"
    asks.write_text(f"#!{sys.executable}\nimport sys\n{told}\n", "utf-8")
    asks.chmod(0o755)
    done = subprocess.run([sys.executable, ROOT / ".ci" / "audit", asks], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    for one in said:
        assert one in done.stdout
