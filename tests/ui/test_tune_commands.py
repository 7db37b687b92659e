"""Commands about drafts, as the page sends them: placeholders and back, what is refused, a parallel edit."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import App, launch
from tests.tuning.finished import services_in

PRIVATE = "Write to anna.berg@posteo.de about it."


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    started = launch(tmp_path_factory.mktemp("commands"), "--engine", "echo")
    yield started
    started.kill()


def post(app: App, path: str, body: Any, room: str = "tune") -> dict[str, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    request = urllib.request.Request(f"{app.url}/page/{room}/{path}", data, {"Content-Type": kind, "Origin": app.url})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as problem:
        return dict(json.loads(problem.read()))  # Anything but JSON fails.


def act(app: App, action: str, run: str, **more: Any) -> dict[str, Any]:
    return post(app, "act", {"action": action, "run": run, **more})


def draft(app: App, *replies: str, more: str = "") -> str:
    """A draft with a file of these replies, and one of text."""
    rows = [json.dumps({"prompt": f"Who is {n}?", "completion": reply}) for n, reply in enumerate(replies)]
    run = str(post(app, "attach?name=talks.jsonl", "\n".join(rows).encode())["run"])
    if more:
        post(app, f"attach?name=more.txt&f={run}", more.encode())
    return run


def sample(app: App, run: str, key: str) -> str:
    """How it is drawn when it is opened."""
    return str(post(app, "sample", {"run": run, "key": key})["html"])


def files(app: App, run: str) -> str:
    """All samples, by which one sees what files there are."""
    return str(post(app, "samples", {"run": run})["html"])


def test_taking_placeholders_back_keeps_what_was_written_after_them(app: App) -> None:
    run = draft(app, PRIVATE, f"Or else. {PRIVATE}", "Nobody.")
    act(app, "leave_out", run, key="0:3")
    act(app, "hide_private", run)
    assert "[email]" in sample(app, run, "0:1")
    act(app, "change", run, key="0:1", values={"messages.0": "Who?", "messages.1": "Ask at the harbour."})
    act(app, "put_back", run, key="0:3")
    act(app, "undo_private", run)
    assert "Ask at the harbour." in sample(app, run, "0:1")
    assert PRIVATE in sample(app, run, "0:2")
    assert 'class="out"' not in files(app, run)
    # Once taken back there is nothing more to take back.
    act(app, "undo_private", run)
    assert "Ask at the harbour." in sample(app, run, "0:1")


def test_taking_placeholders_back_brings_a_correction_before_them_back(app: App) -> None:
    run = draft(app, "Nobody.", PRIVATE)
    mine = f"Somebody. {PRIVATE}"
    act(app, "change", run, key="0:1", values={"messages.0": "Who?", "messages.1": mine})
    act(app, "hide_private", run)
    assert "Somebody. Write to [email]" in sample(app, run, "0:1")
    act(app, "undo_private", run)
    assert mine in sample(app, run, "0:1")
    assert PRIVATE in sample(app, run, "0:2")


@pytest.mark.parametrize("position", ["x", "", None, -1, "-1", 1.5, True, [0], 2, 2**63 - 1, "9" * 50])
def test_a_file_at_no_place_is_not_removed(app: App, position: Any) -> None:
    run = draft(app, "Nobody.", more="A text to go on with.")
    answer = act(app, "remove", run, position=position)
    assert "There is no such file in this draft" in answer["error"]
    assert "no such file" in act(app, "note", run, position=position, note="CC0")["error"]
    assert "error" in act(app, "columns", run, position=position, values={})
    shown = files(app, run)
    assert "talks.jsonl" in shown
    assert "more.txt" in shown


@pytest.mark.parametrize("position", ["x", -1, "-1", 1.5, [0], "9" * 50])
@pytest.mark.parametrize(("room", "draft"), [("summaries", "s"), ("translate", "t")])
def test_nor_from_a_draft_of_another_room(app: App, room: str, draft: str, position: Any) -> None:
    run = str(post(app, "attach?name=one.txt", b"The mill stands.", room)["run"])
    post(app, f"attach?name=two.txt&{draft}={run}", b"The harbour is still.", room)
    remove = {"action": "remove", "run": run}
    assert "There is no such file in this draft" in post(app, "act", {**remove, "position": position}, room)["error"]
    assert post(app, "act", {**remove, "position": 0}, room)["run"] == run, "both were there"
    assert post(app, "act", {**remove, "position": 0}, room)["run"] == "", "and one of them still"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("optim", '"><img src=x>', "optim is '\"><img src=x>'. Choose one of: adamw_torch"),
        ("device", "cuda:99", "device is 'cuda:99'. Choose one of: auto"),
        ("packing", "perhaps", "packing is 'perhaps'. Choose one of: true, false."),
    ],
)
def test_what_no_list_offers_is_not_kept(app: App, name: str, value: str, said: str) -> None:
    run = draft(app, "Nobody.")
    assert said in post(app, "keep", {"run": run, "form": {name: value}})["error"]
    assert "error" not in post(app, "keep", {"run": run, "form": {"r": "17"}})
    assert post(app, "plan", {"run": run})["now"].startswith("r 17")


def test_placeholders_leave_a_parallel_edit_alone(tmp_path: Any) -> None:
    """An edit of another window, made while it is looked for private data."""
    from playground.tuning import service as module
    from playground.tuning.gathering import given_file

    with services_in(tmp_path) as services:
        trainings = services.trainings
        rows = [json.dumps({"text": text}) for text in (f"A. {PRIVATE}", f"B. {PRIVATE}", "C.")]
        run_id = trainings.collect("", given_file("a.jsonl", "\n".join(rows).encode()))
        keys = [item.key for item in trainings.gathered(run_id).items]
        assert len(keys) == 3
        searched = module.findings

        def meanwhile(one: Any) -> Any:
            if one.text.startswith("B."):
                trainings.change(run_id, keys[0], {"text": "A. By hand."})
                trainings.leave_out(run_id, keys[2], out=True)
            return searched(one)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "findings", meanwhile)
            done = trainings.hide_private(run_id)
        edits = trainings.store.get(run_id).edits
        assert edits[keys[0]]["text"] == "A. By hand."
        assert edits[keys[1]]["text"] == "B. Write to [email] about it."
        assert edits[keys[2]] is False
        assert list(done) == [keys[1]]
