"""One run of soak.py: who does what and when, who comes in and goes, which model is there, how all of it rests."""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.common import App
from benchmarks.soak_people import LIMITS, PASSWORD, Owner, Person, Program, crowd
from benchmarks.soak_told import Feed, Outcomes, answer, answer_or_moved
from benchmarks.soak_watch import Sample, Watch
from playground.paths import DataFolder
from playground.store import Database, History

_LOADED = re.compile(r'data-do="unload" data-argument="([^"]*)"')
_SESSION = re.compile(r'data-do="show_out" data-argument="([^"]*)"')
_SAMPLE_SECONDS = 15.0
_IDLE_LOOKS = 3
_TURNS_A_GUEST = 60
_GUESTS = 2
_LONG = 200
"""Sentences of a text that a model reads with the engine that reads fastest, not with that it is loaded in."""
_TIDY = 50
"""Turns after which the owner empties the trash: so the history has always about the same size."""


@dataclass
class Wanted:
    """The options."""

    hours: float
    turns: int
    models: list[str]
    starter: Path | None
    out: Path
    warmup: float
    idle: float
    tokens: int
    seed: int


class Soak:
    """One run. Three lanes take the turns as they are due: the owner's, the others', the program's."""

    def __init__(self, app: App, wanted: Wanted, temp: Path) -> None:
        self.app, self.wanted = app, wanted
        self.outcomes = Outcomes()
        self.turns, self.phase = 0, "warm-up"
        self.stop = threading.Event()
        self._guard = threading.Lock()
        self._chance = random.Random(wanted.seed)
        self._http = httpx.Client(base_url=app.url, timeout=60)
        self.owner = Owner(self._http, random.Random(wanted.seed + 1))
        self._models, self._share = Feed(f"{app.url}/page/live"), Feed(f"{app.url}/page/share/live")
        self.owner.share("account", name="Grace", password=PASSWORD, **LIMITS)
        self.owner.share("open", reach="here", outside="")
        self.door = ""
        while not self.door:
            time.sleep(0.1)
            self.door = str(self._share.data.get("share", {}).get("address") or "")
        self.program = Program(app.url, self.owner.key(), random.Random(wanted.seed + 2))
        self.others: list[tuple[Person, int]] = []
        """Those who came in by the door, and after how many turns of all they leave."""
        self.watch = Watch(app.process.pid, app.data, temp, wanted.out, _SAMPLE_SECONDS, self._told, self.inside)
        threading.Thread(target=self._tell, name="progress", daemon=True).start()

    def once(self) -> None:
        """Everything of each model one time, so that no library and no converted copy first comes after the warm-up."""
        for name in self.wanted.models[::-1]:  # The first one stays.
            with self.outcomes.of(f"once: {name}"):
                self._use(name)
                self.owner.say(self.wanted.tokens)
                self.owner.translation()
                self.owner.summary(_LONG, {"length": "30"})
                self.owner.search()
            for other in self.loaded():
                if other != self.wanted.models[0]:
                    self.owner.models("unload", other)

    def work(self, until: int, seconds: float) -> None:
        """Turns up to that number, spread over the time."""
        began, first = time.monotonic(), self.turns
        lanes = [
            threading.Thread(target=self._lane, args=[turn, until, began, seconds / max(1, until - first), first])
            for turn in (self._owners_turn, self._others_turn, self._programs_turn)
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            while lane.is_alive():  # With a timeout, so that Ctrl-C is heard.
                lane.join(0.5)

    def rest(self, name: str) -> Sample:
        """Everyone leaves, only the first model stays; returns what is held once it is quiet."""
        self.phase = name
        for http in (self.owner.http, *(one.http for one, _ in self.others[:1])):
            crowd(http)
        self.owner.leave_page()
        while self.others:
            self._out(*self.others.pop())
        self._use(self.wanted.models[0])
        for other in [one for one in self.loaded() if one != self.wanted.models[0]]:
            with self.outcomes.of("unload"):
                self.owner.models("unload", other)
        self._tidy()
        time.sleep(self.wanted.idle)
        for _ in range(3):  # The pool of threads under the pages lets idle ones go when it is asked for one.
            self.owner.http.get("/page/choices")
        looks = []
        for _ in range(_IDLE_LOOKS):
            looks.append(self.watch.look())
            time.sleep(2.0)
        return min(looks, key=lambda one: (one.fds, one.threads, one.rss))

    def close(self) -> None:
        """End all that was begun here; the app goes on."""
        self.stop.set()
        people = [one.close for one, _ in self.others]
        for end in (
            self.watch.close,
            self._models.close,
            self._share.close,
            self.program.close,
            self.owner.close,
            *people,
        ):
            with contextlib.suppress(httpx.HTTPError, OSError):
                end()

    def loaded(self) -> list[str]:
        """Models in memory, as the Models tab says."""
        return sorted(set(_LOADED.findall(self._models.section("pm-memory"))))

    def inside(self) -> int:
        """Sessions, as the Share tab says."""
        return self._share.section("px-people").count('data-do="show_out"')

    # ---- turns ------------------------------------------------------------------------------------------------------
    def _lane(self, turn: Callable[[int], None], until: int, began: float, each: float, first: int) -> None:
        while not self.stop.is_set():
            with self._guard:
                if self.turns >= until:
                    return
                self.turns += 1
                number = self.turns
            if self.stop.wait(max(0.0, began + (number - first) * each - time.monotonic())):
                return
            turn(number)

    def _owners_turn(self, number: int) -> None:
        owner, tokens, chance = self.owner, self.wanted.tokens, self._chance
        if number % _TIDY < 3:
            self._tidy()
        if number // (self.wanted.turns // 10 or 1) > self.outcomes.done["another model"]:
            self._another_model()
        kind = chance.choices(
            ["say", "again", "stop", "new", "search", "delete", "file", "reload", "summary", "translation"],
            [24, 14, 10, 14, 10, 10, 4, 6, 4, 4],
        )[0]
        with self.outcomes.of(f"owner: {kind}"):
            if kind == "say":
                owner.say(tokens)
            elif kind == "again":
                owner.again(tokens)
            elif kind == "stop":
                owner.say(tokens, stop=True)
            elif kind == "new":
                owner.look(None)
                owner.say(tokens)
            elif kind == "search":
                owner.search()
            elif kind == "delete":
                self._delete()
            elif kind == "file":
                owner.say(tokens, files=(owner.attach(),))
            elif kind == "reload":
                owner.reload()
            elif kind == "summary":
                owner.summary()
            else:
                owner.translation()

    def _others_turn(self, number: int) -> None:
        for one in [one for one in self.others if one[1] <= number]:
            self.others.remove(one)
            self._out(*one)
        if len(self.others) < _GUESTS + 1:
            self._in(number)
        if not self.others:
            return
        person, kind = self._chance.choice(self.others)[0], self._chance.random()
        with self.outcomes.of("others"):
            if kind < 0.6:
                person.say(self.wanted.tokens, stop=kind < 0.1)
            elif kind < 0.75:
                person.again(self.wanted.tokens)
            elif kind < 0.9:
                person.reload()
            elif kind < 0.94:
                person.summary()
            else:
                person.search()

    def _programs_turn(self, number: int) -> None:
        with self.outcomes.of("program"):
            self.program.turn(self.wanted.tokens)

    def _delete(self) -> None:
        if self.owner.open is None:
            return
        gone = self.owner.open
        self.owner.act("delete", gone)
        if self._chance.random() < 0.4:
            self.owner.act("restore", gone)
        else:
            self.owner.look(None)

    def _in(self, number: int) -> None:
        """Somebody comes in: the account where it is not in, else a guest with a link of their own."""
        account = not any(leaves > 10**8 for _, leaves in self.others)
        with self.outcomes.of("come in"):
            name = "Grace" if account else f"Ada {number}"
            said = {"name": name, "password": PASSWORD} if account else {"link": self.owner.invite(name), "name": name}
            http = httpx.Client(base_url=self.door, timeout=60)
            answer(http.post("/enter", json=said))
            person = Person(http, random.Random(number), name)
            person.reload()
            self.others.append((person, 10**9 if account else number + self._chance.randint(1, 2 * _TURNS_A_GUEST)))

    def _out(self, person: Person, leaves: int) -> None:
        """Leave, be shown out, or close the window in the middle of something and be shown out."""
        with self.outcomes.of("go"):
            if leaves > 10**8 or self._chance.random() < 0.5:
                person.leave_page()
                answer_or_moved(person.http.post("/leave"))
            else:
                if self._chance.random() < 0.5:
                    person.leave_page()
                rows = self._share.section("px-people").split('data-key="session:')
                for row in [one for one in rows if f">{person.name}<" in one]:
                    for key in _SESSION.findall(row):
                        self.owner.share("show_out", key)
                answer_or_moved(person.http.post("/leave"))
        person.close()

    # ---- models and the history -------------------------------------------------------------------------------------
    def _another_model(self) -> None:
        """Choose the next model; one that is not used is unloaded, so that it is loaded again."""
        with self.outcomes.of("another model"):
            models = self.wanted.models
            self._use(models[self.outcomes.done["another model"] % len(models)])
            for name in self.loaded():
                if name not in models or (self.outcomes.done["another model"] // len(models)) % 2:
                    self.owner.models("unload", name)

    def _use(self, name: str) -> None:
        self.owner.models("apply", name, engine="echo" if name.startswith("echo") else "auto")
        self.owner.models("choose", name)
        end = time.monotonic() + 180
        while name not in self.loaded():
            if time.monotonic() > end:
                raise AssertionError(f"{name} was not loaded within 180 s")
            time.sleep(0.2)

    def _tidy(self) -> None:
        """Old conversations go into the trash by a command of the page, and out of it as `history trash empty` does."""
        folder = DataFolder(self.app.data)
        with self.outcomes.of("empty the trash"):
            history = History(Database(folder.database, folder.backups))
            try:
                old = [one.id for one in history.conversations(1000)[20:]]
                if old:
                    self.owner.act("each", "delete", {"ids": old})
                history.empty_trash()
            finally:
                history.database.close()

    def _told(self) -> tuple[str, str, int]:
        return self.phase, "+".join(self.loaded()), self.turns

    def _tell(self) -> None:
        while not self.stop.wait(60.0):
            if self.watch.samples:
                one, errors = self.watch.samples[-1], self.outcomes.errors.total()
                print(
                    f"{one.hours * 60:6.1f} min  {one.phase:8} {self.turns:5} turns  rss {one.rss:7.1f}  "
                    f"pss {one.pss:7.1f} MB  threads {one.threads}  fds {one.fds} ({one.databases} db, {one.deleted} "
                    f"deleted)  inside {one.inside}  cache {one.cache_files} files  errors {errors}  [{one.models}]",
                    flush=True,
                )
