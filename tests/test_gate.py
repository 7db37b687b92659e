"""That the linter refuses what has no place here: a shell, code out of text, pickle, TLS that is not checked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REFUSED = (
    "import pickle\n",
    "import marshal\n",
    "from os import system\n",
    "import os\n\nos.system('ls')\n",
    "import os\n\nos.popen('ls')\n",
    "import subprocess\n\nsubprocess.run('ls', shell=True)\n",
    "import subprocess\n\nsubprocess.getoutput('ls')\n",
    "eval('1')\n",
    "exec('1')\n",
    "import hashlib\n\nhashlib.md5(b'')\n",
    "import httpx\n\nhttpx.get('https://x', verify=False)\n",
    "import yaml\n\nyaml.load('x')\n",
    "import jinja2\n\njinja2.Environment()\n",
)


@pytest.mark.parametrize("code", REFUSED)
def test_is_refused(code: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", "playground/new.py", "-"]
    done = subprocess.run(command, input=code, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^(S\d|TID251)", done.stdout, re.MULTILINE), done.stdout
