"""Who gets an answer where: every route with every method and every function of Gradio, asked for as everybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from playground.store.access_values import ROOMS, SCOPES
from tests.door.walking import AT_THE_DOOR, METHODS, Line, Town, answering, town

SECURITY = Path(__file__).resolve().parents[2] / "SECURITY.md"
HEAD = ("", "owner", "account", "guest", "program", "nobody")
Asked = tuple[str, str]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture(scope="module")
def people(here: Town) -> Iterator[dict[str, httpx.Client]]:
    """Everybody, by who they are: a guest of all rooms, guests of one each, programs with a key for one thing each."""
    found = {
        "owner": here.owner(),
        "account": here.account("Grace"),
        "guest": here.guest(),
        "nobody": here.house.nobody(),
        **{f"guest of {room}": here.guest(room) for room in ROOMS},
        **{f"program for {one}": here.owner(authorization=f"Bearer {here.key(one)}") for one in SCOPES},
    }
    yield found
    for client in found.values():
        client.close()


def table(who: dict[str, set[Asked]]) -> str:
    """All that answers to anybody, and to whom. Of guests and programs it says for which room, or by which scope."""

    def cell(column: str, one: Asked) -> str:
        kinds = {"guest": ("guest of ", ROOMS), "program": ("program for ", SCOPES)}
        if column not in kinds:
            return "yes" if one in who[column] else "-"
        start, names = kinds[column]
        able = [name for name in names if one in who[f"{start}{name}"]]
        return "yes" if len(able) == len(names) else ",".join(able) or "-"

    rows = sorted({one for asked in who.values() for one in asked}, key=lambda one: (one[1], one[0]))
    cells = [HEAD, *((f"{one[0]} {one[1]}", *(cell(column, one) for column in HEAD[1:])) for one in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(HEAD))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def commands(client: httpx.Client) -> dict[int, tuple[str, list[Any]]]:
    """Gradio's functions of a page by number: what calls them, and what they are called with at first."""
    config = client.get("/config").json()
    parts = {one["id"]: one["props"] for one in config["components"]}
    empty = {one["id"]: {} if one["type"] == "json" else "" for one in config["components"]}
    found = {}
    for one in config["dependencies"]:
        names = [str(parts.get(part, {}).get("elem_id")) for part, _ in one["targets"]]
        values = [(part, parts[part].get("value")) for part in one["inputs"]]
        found[one["id"]] = (names[-1], [empty[part] if value is None else value for part, value in values])
    return found


def test_what_answers_to_whom_is_what_the_table_says(here: Town, people: dict[str, httpx.Client]) -> None:
    asked = here.routes() | {(method, path) for _, path in here.routes() for method in METHODS}
    who = {}
    for name, client in people.items():
        kept = {one for one in asked if one[1].startswith("/v1")} if name.startswith("program") else asked
        who[name] = answering(client, kept)
        here.forgive()
    print(len(asked), "routes with a method each,", len(asked) * 7 + 4 * len(kept), "asked")
    assert len(asked) > 700
    assert who["guest"] == who["account"] == set().union(*(who[f"guest of {room}"] for room in ROOMS))
    assert not {one for one in who["owner"] if one[1].startswith("/v1/")}, "a key is asked for at the owner's address"
    for name, presses in pressed(people).items():
        who[name] |= presses
    # Whoever is in can leave; asked for last, and by people of their own.
    for name in ("guest", "account", *(f"guest of {room}" for room in ROOMS)):
        with here.guest() if name != "account" else here.account("Leaves") as client:
            assert client.post("/leave").status_code == 303
            assert client.get("/page/choices").status_code == 401
        who[name].add(("POST", "/leave"))
    made = table(who)
    said = re.search(r"```\n(.*?)\n```", SECURITY.read_text("utf-8"), re.S)
    assert said is not None
    assert said[1] == made, f"The table in SECURITY.md is to be:\n{made}"


def pressed(people: dict[str, httpx.Client]) -> dict[str, set[Asked]]:
    """Who can press which of the page's buttons: every number of a function, by the one way there is."""
    known, found = commands(people["owner"]), {}
    for name, client in people.items():
        if name.startswith("program"):
            continue
        mine = commands(client) if name != "nobody" else known
        line, found[name] = Line(client), set()
        for number in range(-1, max(known) + 4):
            button, data = mine.get(number, ("none", []))
            body = {"data": data, "fn_index": number, "session_hash": "walk"}
            answer = line.ask("POST", "/gradio_api/run/predict", json.dumps(body).encode())
            assert answer.status in (200, 401, 404), (name, number, answer)
            if answer.status == 200:
                found[name].add(("PRESS", f"#{button}"))
        line.close()
    return found


def test_gradio_is_called_in_one_way_only(here: Town, people: dict[str, httpx.Client]) -> None:
    gradio = [path for method, path in sorted(here.routes()) if path.startswith("/gradio_api/") and method == "POST"]
    assert len(gradio) > 20
    for name in ("owner", "guest", "account", "nobody"):
        known, line = commands(people[name] if name != "nobody" else people["owner"]), Line(people[name])
        for number, (button, data) in known.items():
            body = json.dumps({"data": data, "fn_index": number, "session_hash": "w", "event_id": "w"}).encode()
            for path in {path.replace("{api_name}", word) for path in gradio for word in ("predict", "send", "act")}:
                if path != "/gradio_api/run/predict":
                    answer = line.ask("POST", path, body)
                    assert answer.is_nothing, (name, button, path, answer)
        line.close()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"1", b"null", b'{"data": {}}', b'{"data": [], "fn_index": "0"}', b"[" * 100_000),
        *(b'{"data": [], "fn_index": true}', b'{"data": []}', b'{"data": [], "api_name": "send"}', b"\xff\xfe"),
        *(b'{"data": [], "fn_index": 99999999999999999999}', b'{"data": [], "fn_index": 0.0}'),
    ],
)
def test_a_command_that_is_none_is_refused(people: dict[str, httpx.Client], body: bytes) -> None:
    for name in ("owner", "guest"):
        assert people[name].post("/gradio_api/run/predict", content=body).status_code in (404, 422)


def test_no_command_makes_gradio_fetch_or_read_a_file(
    here: Town, people: dict[str, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that looks like a file of Gradio's would be fetched by this machine from wherever it says."""
    from gradio import processing_utils

    asked = []

    async def fetch(url: str, *_: Any, **__: Any) -> str:
        asked.append(url)
        raise ValueError(url)

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", fetch)
    history = str(here.house.root / "playground.db")
    for name in ("owner", "guest", "account"):
        for number, (_, data) in commands(people[name]).items():
            for path in ("http://evil.example/x", "https://evil.example/x", history):
                file = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
                for value in (file, {"value": [{"deep": file}]}, {**file, "meta": 1}):
                    for place in range(len(data)):
                        given = [*data[:place], value, *data[place + 1 :]]
                        body = json.dumps({"data": given, "fn_index": number, "session_hash": "w"})
                        # What is written otherwise is read the same.
                        body = body.replace("meta", "m\\u0065ta").replace("gradio.File", "\\u0067radio.File")
                        sent = {"content": body, "headers": {"content-type": "application/json"}}
                        assert people[name].post("/gradio_api/run/predict", **sent).status_code == 422
    assert asked == []


TRICKS = (
    *("/{path}", "//{path}", "/./{path}", "/.//{path}", "/%2e/{path}", "/page/../{path}", "/page/%2e%2e/{path}"),
    *("/page/..%2f{path}", "/page/%252e%252e/{path}", "/page/..;/{path}", "/assets/../{path}", "/static/..%2f{path}"),
    *("/v1/../{path}", "/health/../{path}", "/config/../{path}", "/{path}/", "/{path}//", "/{path};x", "/{path}%00"),
    *("/{path}%20", "/{path}?x=/page/choices", "/{path}%23", "/\\{path}", "/{upper}", "/{path}.json", "/{double}"),
    *(
        "http://127.0.0.1/{path}",
        "http://evil.example/{path}",
        "HTTP://127.0.0.1:1//{path}",
        "/%2f{path}",
        "/{slashes}",
    ),
)


def targets(path: str) -> Iterator[str]:
    """A path in many other ways of writing it."""
    path = path.lstrip("/")
    coded = "".join(f"%{ord(one):02x}" for one in path)
    values = {
        "path": path,
        "upper": path.upper(),
        "double": coded.replace("%", "%25"),
        "slashes": path.replace("/", "//"),
    }
    for trick in TRICKS:
        yield trick.format(**values)
    yield f"/{coded}"


def test_no_way_of_writing_an_address_leads_past_the_table(here: Town, people: dict[str, httpx.Client]) -> None:
    shut = {
        "owner": ["/gradio_api/app_id", "/gradio_api/info", "/gradio_api/queue/status", "/monitoring", "/openapi.json"],
        "guest": ["/page/tune/own", "/page/tune/live", "/page/share/live", "/health", "/v1/models", "/gradio_api/info"],
        "guest of chat": ["/page/summaries/live", "/page/translate/ways", "/page/memory", "/page/memory/export"],
        "nobody": ["/", "/page/tree", "/page/live", "/config", "/health", "/v1/models", "/leave", "/gradio_api/info"],
    }
    shut["owner"] += [f"/gradio_api/file={here.house.root}/access.db", "/gradio_api/proxy=http://127.0.0.1/"]
    seen = 0
    for name, paths in shut.items():
        line = Line(people[name])
        for path in paths:
            for target in {*targets(path)} - ({"//", "/", "/./"} if name != "nobody" else set()):
                for method in ("GET", "POST"):
                    answer = line.ask(method, target, b"{}" if method == "POST" else None)
                    # Gradio's own word for what lies beside its files.
                    beside = answer.status == 403 and target.startswith(("/assets/", "/static/"))
                    assert beside or answer.is_nothing, (name, method, target, answer)
                    seen += 1
        line.close()
    print(seen, "addresses")


@pytest.mark.parametrize("base", ["/assets/", "/static/", "/page/", "/v1/", "/"])
def test_no_file_outside_is_given_out(here: Town, people: dict[str, httpx.Client], base: str) -> None:
    """Neither of the library, beside whose files the page's are, nor of the owner."""
    depth = "/".join([".."] * 30)
    ways = [f"{'../' * up}{name}" for up in range(1, 6) for name in ("routes.py", "gradio/routes.py", "index.html")]
    ways += [f"{depth}{here.house.root}/access.db", f"{here.house.root}/access.db", f"/{here.house.root}/access.db"]
    for name in ("owner", "guest", "nobody"):
        line = Line(people[name])
        for way in ways:
            coded = [way, way.replace("/", "%2f"), way.replace("..", "%2e%2e"), way.replace("../", "..\\")]
            for target in (*coded, way.replace("..", "%252e%252e"), way.replace("../", "....//"), f"x/{way}"):
                answer = line.ask("GET", base + target)
                assert answer.status in (400, 401, 403, 404), (name, target, answer)
                assert b"SQLite" not in answer.body
        line.close()


def test_no_header_leads_past_the_table(here: Town, people: dict[str, httpx.Client]) -> None:
    names = (
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Forwarded-Path",
        "X-Forwarded-Prefix",
        "X-Forwarded-Uri",
        "X-Script-Name",
    )
    for name, shut in (("guest", "/page/tune/own"), ("nobody", "/page/choices"), ("owner", "/gradio_api/info")):
        line, own = Line(people[name]), "/enter" if name == "nobody" else "/page/choices"
        plain = line.ask("GET", own).body
        for header in names:
            assert line.ask("GET", own, None, (header, shut)).body == plain
            assert line.ask("GET", shut, None, (header, own)).is_nothing
        for method in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            assert line.ask("GET", "/gradio_api/run/predict", None, (method, "POST")).is_nothing
        for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-User", "X-Remote-User", "Remote-User"):
            assert line.ask("GET", shut, None, (header, "for=127.0.0.1")).is_nothing
        for path in ("/", "/config", "/enter"):
            for header in ("X-Forwarded-Host", "Forwarded", "X-Forwarded-Server", "X-Host"):
                answer = line.ask("GET", path, None, (header, "evil.example"), ("accept", "text/html"))
                assert b"evil.example" not in answer.body, (name, path, header)
                assert "evil.example" not in str(answer.headers)
        upgrade = (("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-version", "13"))
        for path in (shut, "/gradio_api/queue/join", "/v1/realtime"):
            assert line.ask("GET", path, None, *upgrade, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")).is_nothing
        line.close()


def test_a_key_opens_nothing_else(here: Town, people: dict[str, httpx.Client]) -> None:
    """At the owner's address all but /v1 is as without it, and at the shared one everything."""
    key = {"authorization": f"Bearer {here.key()}"}
    asked = {one for one in here.routes() if not one[1].startswith("/v1/")}
    with here.owner(**key) as owner, here.house.nobody() as nobody:
        nobody.headers.update(key)
        assert answering(owner, asked) == answering(people["owner"], asked)
        assert answering(nobody, here.routes()) == AT_THE_DOOR - {("POST", "/leave")}
    here.forgive()
