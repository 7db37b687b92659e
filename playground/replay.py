"""Runs a reply again from its record and compares: identical, or where it diverges and why. Shows each token's chances.

A replay is a job like a reply, but it writes no message: what it finds is kept in memory, and the view of the tokens
beside the reply. Knows nothing of pages.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from playground.context import Prompt, as_turns, sees, turns_of
from playground.engine.manager import Lease, LeaseCancelled, ModelManager
from playground.errors import BadValueError, MissingError, PlaygroundError
from playground.jobs import Begins, freely
from playground.readings import unpacked
from playground.records import Message, Sampling, TokenScore
from playground.replies import broke_off, computer
from playground.store import History

Phase = Literal["waiting", "reading", "writing", "done", "stopped", "failed"]
_FACTS = {
    "model": "model",
    "revision": "revision",
    "file_sha256": "model file",
    "quantization": "quantization",
    "template_sha256": "chat template",
    "engine": "engine",
    "device": "device",
    "adapter": "adapter",
    "adapter_sha256": "adapter file",
    "context_length": "context length",
}
"""Of a record, what must be equal for a reply to be the same, and what it is called."""
_SAME_PROMPT = ("model", "engine", "template_sha256")
_KEPT = 8
"""Ended replays that are kept in memory; what they found is in the history."""
_ALTERNATIVES = 8
"""Tokens that are shown beside each one."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """How a replay compares. `at` counts the tokens of the replay from 1; `causes` are sentences."""

    identical: bool
    at: int = 0
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReplayState:
    """What is known of a replay now. `total` is how many tokens the reply had."""

    phase: Phase
    done: int = 0
    total: int = 0
    verdict: Verdict | None = None
    error: str = ""
    tokens: tuple[TokenScore, ...] = ()


class Replays:
    """Replays by the id of the message; whoever watches one asks for its state."""

    def __init__(self, history: History, manager: ModelManager, begins: Begins = freely) -> None:
        self._begins = begins
        self._history = history
        self._manager = manager
        self._jobs: dict[str, _Job] = {}

    def start(self, message_id: str, *, now: Mapping[str, Any] | None = None) -> None:
        """Begin to replay the last part of a reply; with `now` (`system_prompt`, `sampling`), as it would be asked now,
        by the model chosen now. Raises MissingError for what has no record."""
        message = self._history.message(message_id)
        if message.record is None:
            raise MissingError("This reply has no record, so it cannot be run again.")
        if message.status == "streaming":
            raise BadValueError("This reply is still being written. Wait for its end, then replay it.")
        self.stop(message_id)
        for old in list(self._jobs)[:-_KEPT]:
            if self._jobs[old].state.phase in ("done", "stopped", "failed"):
                del self._jobs[old]
        job = _Job(message, now, self._history, self._manager, self._begins())
        self._jobs[message_id] = job
        threading.Thread(target=job.run, name="replay", daemon=True).start()

    def stop(self, message_id: str) -> None:
        """End the replay of this reply, if one is under way."""
        if job := self._jobs.get(message_id):
            job.stop.set()

    def state(self, message_id: str) -> ReplayState | None:
        """How far it is; what was kept, if none was started since the app did."""
        if job := self._jobs.get(message_id):
            return job.state
        message = self._history.message(message_id)
        kept = self._history.tokens(message_id, max(0, len(message.parts) - 1))
        if kept is None:
            return None
        tokens = tuple(TokenScore(**{**one, "top": tuple(map(tuple, one["top"]))}) for one in kept["tokens"])
        verdict = Verdict(**{**kept["verdict"], "causes": tuple(kept["verdict"]["causes"])})
        return ReplayState("done", len(tokens), len(tokens), verdict, tokens=tokens)


class _Job:
    def __init__(
        self,
        message: Message,
        now: Mapping[str, Any] | None,
        history: History,
        manager: ModelManager,
        ended: Callable[[], None],
    ) -> None:
        self._ended = ended
        self.stop = threading.Event()
        assert message.record is not None, "looked at by whoever starts it"
        self._message, self._record, self._now = message, message.record, now
        self._part = len(message.parts) - 1
        self._history, self._manager = history, manager
        self.state = ReplayState("waiting", total=int(self._record["completion_tokens"]))

    def run(self) -> None:
        """Replay to the end; whatever goes wrong is told in the state."""
        try:
            name = self._manager.chosen if self._now is not None else str(self._record["model"])
            adapter = None if self._now is not None else str(self._record["adapter"])
            with self._manager.lease(self.stop, name, adapter) as lease:
                self._replay(lease)
        except LeaseCancelled:
            self._set(phase="stopped")
        except PlaygroundError as error:
            self._set(phase="failed", error=str(error))
        except Exception as error:  # A bug must be told on the page, not end a thread in silence.
            log.exception("a replay failed")
            self._set(phase="failed", error=broke_off(error))
        finally:
            self._ended()

    def _replay(self, lease: Lease) -> None:
        prompt, causes = self._prompt(lease)
        sampling = self._sampling()
        info, record = lease.info, self._record
        same = (info.model, info.engine, info.template_sha256) == tuple(record[one] for one in _SAME_PROMPT)
        # Computed as it was then, which can be asked for where it is the same prompt.
        repeatable = same and not causes and self._now is None
        reading = unpacked(self._history, record["prompt"]) if repeatable else ()
        causes += self._differences(lease, sampling)
        tokens: list[TokenScore] = []
        text, phase = "", "reading"
        self._set(phase="reading")
        for chunk in lease.stream(prompt, sampling, self.stop, top_logprobs=_ALTERNATIVES, reading=reading):
            tokens += chunk.tokens
            text += chunk.text
            phase = "writing" if text else phase
            self._set(phase=phase, done=chunk.completion_tokens)
        if self.stop.is_set():
            self._set(phase="stopped", tokens=tuple(tokens))
            return
        verdict = self._compare(text, tokens, causes)
        if self._now is None:
            kept = {"verdict": asdict(verdict), "tokens": [asdict(one) for one in tokens]}
            self._history.keep_tokens(self._message.id, self._part, kept)
        self._set(phase="done", verdict=verdict, tokens=tuple(tokens))

    def _prompt(self, lease: Lease) -> tuple[tuple[Any, ...], list[str]]:
        """The turns as the record says, and what of it is not there any more."""
        given = dict(self._record["prompt"])
        causes = []
        starts_at = int(self._record["starts_at"])
        line = self._history.line(self._message.parent_id)
        first = line.ids.index(given["first"]) if given.get("first") in line.ids else int(self._record["left_out"])
        excluded = set(given.get("excluded", ()))
        messages = [message for message in line[first:] if message.id not in excluded]
        if self._now is not None:
            system = str(self._now["system_prompt"])
        else:
            system = self._history.text(given["system"]) if given.get("system") else ""
            if "sha256" not in given:
                conversation = self._history.conversation(self._message.conversation_id)
                system = conversation.system_prompt
        summary = self._history.text(given["summary"]) if given.get("summary") else ""
        if starts_at:
            messages.append(replace(self._message, content=self._message.content[:starts_at]))
        # What the model did not see then, it does not see now; nor does one that cannot.
        shown = sees(lease) and not (given.get("unseen") and self._now is None)
        turns = as_turns(system, turns_of(messages, sees=shown), summary)
        if given and self._now is None and Prompt(turns, 0).sha256 != given["sha256"]:
            causes.append("The messages before it, or its system prompt, are not what they were.")
        if not given:
            causes.append(
                "Its record does not hold the prompt: it is from an older version, or the reply failed before."
            )
        return turns, causes

    def _sampling(self) -> Sampling:
        recorded = Sampling.from_mapping(self._record["sampling"], "record")
        if self._now is not None:
            sampling: Sampling = self._now["sampling"]
            return sampling if sampling.seed is not None else replace(sampling, seed=recorded.seed)
        # A reply that was stopped is compared as far as it went.
        most = int(self._record["completion_tokens"]) if self._message.status != "complete" else 0
        # The column is what counts; both are equal unless someone has changed one of them.
        return replace(recorded, seed=int(self._record["seed"]), max_new_tokens=most or recorded.max_new_tokens)

    def _differences(self, lease: Lease, sampling: Sampling) -> list[str]:
        """Everything that is not as it was, each in a sentence."""
        info, record = lease.info, self._record
        now: dict[str, Any] = {**asdict(info), "adapter": lease.adapter, "adapter_sha256": lease.adapter_sha256}
        causes = []
        for key, words in _FACTS.items():
            if str(now[key]) != str(record[key]):
                causes.append(f"The {words} is another: {_short(now[key])} instead of {_short(record[key])}.")
        for name in sorted({*record["versions"], *(info.versions or {})}):
            was, have = record["versions"].get(name, "none"), (info.versions or {}).get(name, "none")
            if was != have:
                causes.append(f"The version of {name} is another: {have} instead of {was}.")
        here = computer(info.device)
        if record["hardware"] and record["hardware"] != here:
            causes.append(f"The hardware is another: {here} instead of {record['hardware']}.")
        before = record["sampling"]
        for name, value in sampling.to_dict().items():
            if before.get(name) != value and (name != "max_new_tokens" or self._now is not None):
                causes.append(f"The setting {name} is another: {value} instead of {before.get(name)}.")
        return causes

    def _compare(self, text: str, tokens: list[TokenScore], causes: list[str]) -> Verdict:
        said = self._message.content[int(self._record["starts_at"]) :]
        cut_short = self._message.status != "complete"
        if text == said or (cut_short and text.startswith(said)):
            return Verdict(True, causes=tuple(causes))
        same = next(
            (at for at, (a, b) in enumerate(zip(text, said, strict=False)) if a != b), min(len(text), len(said))
        )
        length = at = 0
        for at, token in enumerate(tokens, 1):  # noqa: B007 - the last one counts where none goes beyond
            length += len(token.text)
            if length > same:
                break
        unknown = "Nothing that is recorded is different; the computation itself is not repeatable here."
        return Verdict(False, max(at, 1), tuple(causes) or (unknown,))

    def _set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)


def _short(value: Any) -> str:
    text = str(value)
    return "none" if not text else f"{text[:12]}…" if len(text) >= 64 and text.isalnum() else text
