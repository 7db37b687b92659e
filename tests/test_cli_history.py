"""`playground history …` as a process: what it prints, what it changes, and what it refuses with which exit code."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from playground.cli import main
from tests.conftest import ROOT, App
from tests.histories import answered, open_history, turn
from tests.pictures import attached
from tests.test_cli import ECHO, ask_json, assert_fault, data, run

__all__ = ["data"]


def test_history_list_show_check_backup(data: Path, tmp_path: Path) -> None:
    assert run(data, "history", "check").stdout == "There is no history yet.\n"
    assert ask_json(data, "first 天")["content"] == "You said: first 天"
    ask_json(data, "second")
    lines = run(data, "history", "list").stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines] == ["second", "first 天"]
    assert len(run(data, "history", "list", "--limit", "1").stdout.splitlines()) == 1
    assert run(data, "history", "list", "--trash").stdout == ""
    talk = json.loads(run(data, "history", "list", "--json").stdout)[1]
    shown = run(data, "history", "show", talk["id"]).stdout
    assert shown == "# first 天\n\nuser:\nfirst 天\n\nassistant:\nYou said: first 天\n\n"
    messages = json.loads(run(data, "history", "show", talk["id"], "--json").stdout)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert run(data, "history", "check").stdout.endswith("2 conversations, 4 messages\nNo damage found.\n")
    copy = tmp_path / "copy.db"
    assert run(data, "history", "backup", str(copy)).stdout == f"{copy}\n"
    assert_fault(run(data, "history", "backup", str(copy)), 5, "never overwrites")
    assert_fault(run(data, "history", "backup", str(copy / "below")), 5, "No backup could be written")
    assert Path(run(data, "history", "backup").stdout.strip()).parent == data / "backups"
    with closing(sqlite3.connect(copy)) as other:
        assert other.execute("SELECT count(*) FROM messages").fetchone() == (4,)


def test_a_damaged_history_is_found_and_kept(data: Path) -> None:
    ask_json(data, "precious")
    spoilt = (data / "playground.db").read_bytes()[:6000]
    (data / "playground.db").write_bytes(spoilt)
    assert_fault(run(data, "history", "check"), 5, "nothing was changed", str(data / "backups"))
    assert (data / "playground.db").read_bytes() == spoilt
    facts = json.loads(run(data, "doctor", "--json").stdout)
    assert any("history check" in line for line in facts["missing"])
    assert (data / "playground.db").read_bytes() == spoilt
    # Only the app itself, which holds the folder's lock, may move it: a command might pull it from under the app.
    assert_fault(run(data, "ask", *ECHO, "goes on"), 5, "damaged")
    assert (data / "playground.db").read_bytes() == spoilt


def test_listing_a_damaged_history_says_so(data: Path) -> None:
    data.mkdir()
    (data / "playground.db").write_bytes(b"no database " * 1000)
    done = run(data, "history", "list")
    assert "damaged" in done.stderr, "an empty list alone would look like a loss"


# -- in this process, which is quicker ---------------------------------------------------------------------------------


@pytest.fixture
def say(data: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `playground history …`; returns exit code, stdout and stderr."""

    def run_here(*arguments: str) -> tuple[int, str, str]:
        code = main(["history", *arguments, "--data-dir", str(data)])
        return code, *capfd.readouterr()

    return run_here


def filled(data: Path) -> tuple[str, str]:
    """Two conversations: one of two branches, one with a tag, in a folder."""
    data.mkdir(exist_ok=True)
    history = open_history(data)
    first = answered(history, text="one 天")
    other = history.add_reply(first.conversation_id, first.reply_id, seen_leaf=first.reply_id)
    history.finish(other.reply_id, "anew", "complete", "", None)
    second = answered(history, text="two")
    history.set_tags(second.conversation_id, ["blue"])
    history.move(second.conversation_id, "work")
    history.database.close()
    return first.conversation_id, second.conversation_id


def test_list_narrowed(data: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    one, two = filled(data)
    assert [line.split()[0] for line in say("list")[1].splitlines()] == [two, one]
    assert [line.split()[0] for line in say("list", "--tag", "blue")[1].splitlines()] == [two]
    assert [line.split()[0] for line in say("list", "--folder", "work")[1].splitlines()] == [two]
    assert [line.split()[0] for line in say("list", "--folder", "")[1].splitlines()] == [one]
    assert say("list", "--archive") == (0, "", "")
    assert json.loads(say("list", "--tag", "blue", "--json")[1])[0]["tags"] == ["blue"]
    with pytest.raises(SystemExit):
        say("list", "--archive", "--trash")


def test_show_one_branch_or_all(data: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    one, _ = filled(data)
    assert say("show", one)[1] == "# one 天\n\nuser:\none 天\n\nassistant:\nanew\n\n"
    every = json.loads(say("show", one, "--all-branches", "--json")[1])["messages"]
    assert [message["content"] for message in every] == ["one 天", "re: one 天", "anew"]
    text = say("show", one, "--all-branches")[1]
    assert f"user {every[0]['id']}, below nothing:\none 天" in text
    assert f"assistant {every[2]['id']}, below {every[0]['id']}:\nanew" in text


def test_show_an_image(data: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    data.mkdir()
    history, image = open_history(data), attached()
    history.keep_file(image)
    talk = turn(history, attachments=[image.id]).conversation_id
    history.database.close()
    (shown,) = json.loads(say("show", talk, "--json")[1])["messages"][0]["attachments"]
    assert base64.b64decode(shown["data"]) == image.data


def test_search(data: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    one, two = filled(data)
    code, out, _ = say("search", "天")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [one] * 3, "the title, the message and a reply"
    assert "user in 'one 天': one 天" in out
    found = json.loads(say("search", "re:", "--json")[1])
    assert [hit["conversation_id"] for hit in found["hits"]] == [two, one]
    for narrowed, expected in (
        (["--role", "user"], {two}),
        (["--tag", "blue"], {two}),
        (["--folder", ""], set()),
        (["--model", "m"], {two}),
        (["--model", "nobody"], set()),
        (["--starred"], set()),
        (["--since", "2020-01-01"], {two}),
        (["--until", "2020-01-01"], set()),
        (["--until", time.strftime("%Y-%m-%d")], {two}),
        (["--limit", "1"], {two}),
    ):
        code, out, err = say("search", "two", *narrowed)
        assert {line.split()[0] for line in out.splitlines()} == expected, narrowed
        assert (code, err) == (0, "" if expected else "Nothing was found.\n")
    with pytest.raises(SystemExit):
        say("search", "two", "--since", "yesterday")


@pytest.mark.parametrize("name", ["md", "html", "json", "openai", "sharegpt", "alpaca"])
def test_export_in_every_format(
    data: Path, tmp_path: Path, say: Callable[..., tuple[int, str, str]], name: str
) -> None:
    one, _ = filled(data)
    code, out, _ = say("export", one, "--format", name)
    assert code == 0
    assert "anew" in out
    assert "re: two" not in out
    file = tmp_path / "out.file"
    code, said, _ = say("export", "--all", "--format", name, "--out", str(file))
    assert (code, said) == (0, f"{file}: 2 conversations\n")
    whole = file.read_text("utf-8")
    assert "re: two" in whole
    assert "anew" in whole
    code, _, err = say("export", "--all", "--out", str(file))
    assert (code, "never overwrites" in err) == (5, True)
    assert file.read_text("utf-8") == whole
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".part"] == []


def test_export_and_import_lose_nothing(data: Path, tmp_path: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    one, _ = filled(data)
    file = tmp_path / "all.json"
    say("export", "--all", "--format", "json", "--out", str(file))
    before = [json.loads(say("show", one, "--all-branches", "--json")[1])]
    assert say("import", str(file))[:2] == (0, f"{file}: 0 imported, 2 here already, 0 skipped\n")
    for name in data.glob("playground.db*"):
        name.unlink()
    assert say("import", str(file))[:2] == (0, f"{file}: 2 imported, 0 here already, 0 skipped\n")
    assert [json.loads(say("show", one, "--all-branches", "--json")[1])] == before


def test_import_of_what_is_no_conversation(
    data: Path, tmp_path: Path, say: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "x.json").write_text('[{"messages": [{"role": "user", "content": "hi"}]}, 7]')
    code, out, err = say("import", str(tmp_path / "x.json"))
    assert (code, out.endswith(": 1 imported, 0 here already, 1 skipped\n")) == (1, True)
    assert "entry 2" in err
    assert say("import", str(tmp_path / "nobody.json"))[0] == 4
    (tmp_path / "empty.json").touch()
    (tmp_path / "good.json").write_text('{"messages": [{"role": "user", "content": "good"}]}')
    names = [str(tmp_path / name) for name in ("x.json", "empty.json", "nobody.json", "good.json")]
    code, out, err = say("import", *names)
    assert (code, out.count("\n"), out.splitlines()[-1]) == (1, 2, f"{names[3]}: 1 imported, 0 here already, 0 skipped")
    assert f"{names[1]}: This file is empty" in err
    assert f"{names[2]}: {names[2]} cannot be read" in err
    assert say("import", *names[1:])[0] == 2, "the first one's"
    assert say("export")[0] == 2
    assert say("export", "nobody")[0] == 4


def test_trash(data: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    one, two = filled(data)
    assert say("trash", "empty")[:2] == (0, "The trash is empty.\n")
    history = open_history(data)
    for id_ in (one, two):
        history.trash(id_)
    history.database.close()
    assert [line.split()[0] for line in say("trash", "list")[1].splitlines()] == [two, one]
    assert say("trash", "restore", two)[0] == 0
    assert [talk["id"] for talk in json.loads(say("trash", "list", "--json")[1])] == [one]
    code, out, err = say("trash", "empty")
    assert (code, out, "--yes" in err) == (2, "", True), "nobody can be asked"
    assert not (data / "backups").exists()
    code, out, _ = say("trash", "empty", "--yes")
    assert (code, out.splitlines()[1]) == (0, "1 conversations are deleted.")
    assert say("trash", "list") == (0, "", "")
    assert [line.split()[0] for line in say("list")[1].splitlines()] == [two]
    backup = Path(out.splitlines()[0].removeprefix("Backup: "))
    assert say("restore", backup.name)[0] == 0
    assert [talk["id"] for talk in json.loads(say("trash", "list", "--json")[1])] == [one]
    assert say("trash", "restore", "nobody")[0] == 4
    history = open_history(data)
    history.trash(turn(history).conversation_id)
    history.database.close()
    code, out, err = say("trash", "empty", "--yes")
    assert (code, out.splitlines()[1]) == (3, "1 conversations are deleted.")
    assert "being written in 1 more" in err


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
@pytest.mark.parametrize(("answer", "left"), [(b"no\n", 1), (b"yes\n", 0)])
def test_emptying_the_trash_asks_on_a_terminal(data: Path, answer: bytes, left: int) -> None:
    import pty

    one, _ = filled(data)
    history = open_history(data)
    history.trash(one)
    history.database.close()
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "playground", "history", "trash", "empty", "--data-dir", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdin=end, stdout=subprocess.PIPE) as process:
        os.close(end)
        os.write(terminal, answer)
        assert process.stdout is not None
        assert b"Delete 1 conversations for good?" in process.stdout.read()
        assert process.wait(30) == left
    os.close(terminal)
    history = open_history(data)
    assert len(history.conversations(place="trash")) == left
    history.database.close()


def test_check_says_and_mends(data: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    one, _ = filled(data)
    assert say("check")[1].endswith("2 conversations, 5 messages\nNo damage found.\n")
    with closing(sqlite3.connect(data / "playground.db")) as other:
        other.execute("UPDATE conversations SET leaf_id = NULL WHERE id = ?", [one])
        other.commit()
    code, out, err = say("check")
    assert (code, "nothing was changed" in err) == (5, True)
    assert "their messages are not lost. Run `playground history check --repair`" in out
    code, out, _ = say("check", "--repair")
    assert code == 0
    assert out.startswith(f"Backup: {data / 'backups' / 'before-repair-'}")
    assert out.endswith("No damage found.\n")
    assert "anew" in say("show", one)[1]
    assert "Nothing had to be mended." in say("check", "--repair")[1]


def test_backups_listed_and_restored(data: Path, tmp_path: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    one, two = filled(data)
    backup = Path(say("backup")[1].strip())
    history = open_history(data)
    history.trash(two)
    history.database.close()
    (row,) = say("restore", "--list")[1].splitlines()
    assert row.endswith(f"2 conversations  {backup}")
    assert json.loads(say("restore", "--list", "--json")[1])[0]["file"] == str(backup)
    assert say("restore")[0] == 2
    assert say("restore", "nobody.db")[0] == 4
    code, out, _ = say("restore", str(backup))
    assert code == 0
    assert out.startswith(f"Restored. What was there before is kept as {data / 'playground.before-restore-'}")
    assert {line.split()[0] for line in say("list")[1].splitlines()} == {one, two}
    assert len(say("restore", "--list")[1].splitlines()) == 2
    (tmp_path / "other.db").write_bytes(b"no database " * 100)
    assert say("restore", str(tmp_path / "other.db"))[0] == 5


def test_a_damaged_file_is_recovered_and_put_back(data: Path, say: Callable[..., tuple[int, str, str]]) -> None:
    data.mkdir()
    history = open_history(data)
    for number in range(50):
        answered(history, text=f"{number} " * 900)
    history.database.close()
    file = data / "playground.db"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    code, out, _ = say("check")
    assert (code, "`playground history recover`" in out) == (5, True)
    assert say("check", "--repair")[0] == 5
    code, out, _ = say("recover")
    assert code == 0
    found = Path(out.split(": ")[0])
    assert found.parent == data
    assert "Rows that could not be read: " in out
    assert out.endswith(f"playground history restore {found}\n")
    assert say("restore", str(found))[0] == 0
    assert say("check")[1].endswith("No damage found.\n")
    assert len(say("list", "--limit", "100")[1].splitlines()) >= 10


def test_while_the_app_runs(start_app: Callable[..., App]) -> None:
    """What reads and adds goes on; what needs the file for itself is refused."""
    app = start_app()
    assert ask_json(app.data, "hi")["content"] == "You said: hi"
    backup = run(app.data, "history", "backup").stdout.strip()
    assert run(app.data, "history", "check").stdout.endswith("No damage found.\n")
    for arguments in (["restore", backup], ["check", "--repair"], ["recover"]):
        assert_fault(run(app.data, "history", *arguments), 3, "is running")
    (talk,) = json.loads(run(app.data, "history", "list", "--json").stdout)
    assert talk["title"] == "hi"
    assert app.quit() == 0
    assert run(app.data, "history", "restore", backup).returncode == 0
