"""The log file says where something went wrong, not with whose words."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from playground.logs import WithoutWords

SECRET = "the harbour master's secret"


def written(error: BaseException) -> str:
    about = (type(error), error, error.__traceback__)
    record = logging.LogRecord("some.place", logging.ERROR, __file__, 1, "it failed", (), about)
    return WithoutWords("%(levelname)s %(message)s").format(record)


def fails() -> None:
    raise ValueError(SECRET)


def test_the_words_of_an_error_are_left_out() -> None:
    try:
        fails()
    except ValueError as error:
        text = written(error)
    assert SECRET not in text
    assert text.startswith("ERROR it failed\nbuiltins.ValueError\n")
    assert f"{Path(__file__)}:" in text
    assert " in fails\n" in text + "\n"


def test_what_it_came_from_is_named_in_the_same_way() -> None:
    try:
        try:
            fails()
        except ValueError as inner:
            raise RuntimeError(f"because of {SECRET}") from inner
    except RuntimeError as error:
        text = written(error)
    assert text.index("RuntimeError") < text.index("because of\n") < text.index("ValueError")
    assert SECRET not in text


def test_a_circle_of_errors_has_an_end() -> None:
    one, two = ValueError(SECRET), KeyError(SECRET)
    one.__cause__, two.__cause__ = two, one
    assert SECRET not in written(one)


def test_the_file_is_written_so(tmp_path: Path) -> None:
    code = (
        "import logging, pathlib, sys\n"
        "from playground.logs import log_to\n"
        "log_to(pathlib.Path(sys.argv[1]))\n"
        "try:\n    int('a secret word')\n"
        "except ValueError:\n    logging.getLogger('here').exception('it failed')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "log")], check=True)
    text = (tmp_path / "log").read_text("utf-8")
    assert "ERROR here it failed" in text
    assert "ValueError" in text
    assert "secret word" not in text
