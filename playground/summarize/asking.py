"""A chat about summarized documents: it begins with the summary, and each question pulls in the passages that fit it.

Passages come as files of the message, so that everyone sees what the model was given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from playground.records import Attachment
from playground.store import History
from playground.store.history import TurnSettings
from playground.store.rows import new_id, sha256_of
from playground.store.run_values import RunDocument
from playground.store.runs import Runs
from playground.summarize.linking import Embed, Linker, Passage

CHARACTERS = 4000
"""Of passages with one question: some 1,000 tokens, which leave room in a context of 4,096."""
_SYSTEM = (
    "The user asks about these documents: {}. Passages of them come with each question, as files. Answer from these "
    "passages and from the summary. When they do not say it, say so."
)
_ASKED = "Summarize: {}"


class Asking:
    """Opens such chats, and finds the passages for each question in them."""

    def __init__(self, runs: Runs, history: History, embed_for: Callable[..., Embed | None]) -> None:
        self._runs = runs
        self._history = history
        self._embed_for = embed_for
        self._guard = threading.Lock()
        self._last: tuple[tuple[str, float], list[RunDocument], Linker] | None = None
        """Of the run that was asked about last: reading a long document anew for each question would take seconds."""

    def open(self, run_id: str, settings: TurnSettings) -> str:
        """Begin a chat about a finished run; returns the conversation's id."""
        run, documents = self._runs.run(run_id), self._runs.documents(run_id)
        names = ", ".join(one.name for one in documents)
        system = "\n\n".join(filter(None, [settings.system_prompt, _SYSTEM.format(names)]))
        turn = self._history.add_turn(
            None,
            _ASKED.format(names),
            seen_leaf=None,
            title=run.title,
            settings=TurnSettings(system, settings.sampling, settings.persona),
        )
        self._history.finish(turn.reply_id, run.text, "complete", "", None)
        self._history.rename(turn.conversation_id, run.title)
        self._runs.keep_chat(turn.conversation_id, run_id)
        return turn.conversation_id

    def pull(self, conversation_id: str | None, question: str) -> list[str]:
        """Keep the passages that fit a question as a file; its id, or nothing where the chat is about no document."""
        run_id = self._runs.chat_of(conversation_id) if conversation_id and question.strip() else ""
        if not run_id:
            return []
        documents, linker = self._opened(run_id)
        places = _around(documents, [link.passage for link in linker.links(question, most=12)])
        if not places:
            return []
        pieces = []
        for number, start, end in places:
            page = documents[number].page_of(start)
            where = f"{documents[number].name}, p. {page}" if page else documents[number].name
            pieces.append(f"({where})\n{documents[number].text[start:end].strip()}")
        text = "\n\n".join(pieces)
        kept = Attachment(
            id=new_id(),
            name=_name(documents, places),
            media_type="text/plain",
            size=len(text.encode()),
            sha256=sha256_of(text),
            pages=None,
            notes=(),
            characters=len(text),
            text=text,
        )
        self._history.keep_file(kept)
        return [kept.id]

    def _opened(self, run_id: str) -> tuple[list[RunDocument], Linker]:
        state = run_id, self._runs.run(run_id).updated_at
        with self._guard:
            last = self._last
        if last is None or last[0] != state:  # Made outside of the lock: it takes seconds.
            documents = self._runs.documents(run_id)
            nodes = [node for node in self._runs.nodes(run_id) if node.level == 0]
            embed = self._embed_for(*{one.language for one in documents})
            last = state, documents, Linker(documents, nodes, embed)
            with self._guard:
                self._last = last
        return last[1], last[2]


def _around(documents: Sequence[RunDocument], passages: Sequence[Passage]) -> list[tuple[int, int, int]]:
    """The blocks in which passages stand, the best until there are enough, in the order of the documents."""
    chosen: dict[tuple[int, int, int], None] = {}
    room = CHARACTERS
    for passage in passages:
        number, at = passage.document, passage.start
        document = documents[number]
        start, end = next((one for one in document.extents() if at < one[1]), (0, len(document.text)))
        if end - start > CHARACTERS // 3:  # Of a long block, what stands around the sentence.
            start, end = max(start, at - CHARACTERS // 6), min(end, at + CHARACTERS // 6)
        if (number, start, end) in chosen or end - start > room:
            continue
        chosen[number, start, end] = None
        room -= end - start
    return sorted(chosen)


def _name(documents: Sequence[RunDocument], places: Sequence[tuple[int, int, int]]) -> str:
    pages = {documents[number].page_of(start) for number, start, _ in places}
    said = ", ".join(str(page) for page in sorted(page for page in pages if page))
    names = ", ".join(dict.fromkeys(documents[number].name for number, _, _ in places))
    return f"{names} (p. {said})" if said else names
