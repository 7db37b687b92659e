"""A text translated while it is typed: one stream of lines a request, the newest request of a page ending the older.

Each line is JSON: {text, done, total} while it is made; the last one has {source, html, others, below, facts} too. In
place of them {error}, or {manual}: a chat model would do it, which is too slow to be asked at each key.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict
from typing import Any

from playground.engine.lease import LeaseCancelled
from playground.errors import PlaygroundError
from playground.languages import detect
from playground.translate.files import read_pasted
from playground.translate.options import TranslationOptions
from playground.translate.quick import QuickText, translate_text
from playground.translate.service import TranslationService, source_of
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.translation_doubts import doubts_html, marked_text
from playground.ui.translation_list import way_words

_MOST = 6
"""Texts of one person that are worked on, those that were left and end just now among them."""
_TOO_MANY = "Too many of your texts are being translated. Wait until one of them is done."


class QuickTranslations:
    """The texts that the pages of one person wait for just now. Belongs to one event loop."""

    def __init__(self, service: TranslationService) -> None:
        self._service = service
        self._stops: dict[str, threading.Event] = {}
        """By page."""
        self._at_work = 0
        """Threads; in the loop alone it is counted."""

    async def lines(
        self, page: str, text: str, options: TranslationOptions, language: str, *, live: bool
    ) -> AsyncIterator[str]:
        """The stream; it ends early when the page is gone, or asks anew. `live`: nobody pressed a button for it."""
        if (older := self._stops.get(page)) is not None:
            older.set()
        if self._at_work >= _MOST:
            yield _line({"error": reason_words(language, _TOO_MANY)})
            return
        stop = threading.Event()
        self._stops[page] = stop
        told = _Newest(asyncio.get_running_loop())
        # A thread of its own: those of the loop are few, and everybody else's requests need them, too.
        work = threading.Thread(
            target=self._run, args=[self._pieces(text, options, language, stop, live), told], name="quick", daemon=True
        )
        try:
            work.start()
            self._at_work += 1
            while (piece := await told.next()) is not None:
                yield _line(piece)
        finally:  # Also when the page has gone: then the wait above is cancelled.
            stop.set()
            if self._stops.get(page) is stop:
                del self._stops[page]

    def _run(self, pieces: Iterator[dict[str, Any]], told: _Newest) -> None:
        end: Exception | None = None
        try:
            for piece in pieces:
                told.tell(piece)
        except Exception as bug:  # noqa: BLE001 - raised by whoever reads.
            end = bug
        told.end(end, self._over)

    def _over(self) -> None:
        self._at_work -= 1

    def _pieces(
        self, text: str, options: TranslationOptions, language: str, stop: threading.Event, live: bool
    ) -> Iterator[dict[str, Any]]:
        last: QuickText | None = None
        try:
            if live and (source := self._talked(text, options)):
                yield {"manual": True, "source": source}
                return
            for last in translate_text(self._service, text, options, stop):
                yield {"text": last.text, "done": last.done, "total": last.total}
            if last is not None:
                yield _whole(last, language)
        except LeaseCancelled:
            return
        except PlaygroundError as error:
            yield {"error": reason_words(language, str(error)), "source": options.source or detect(text)}

    def _talked(self, text: str, options: TranslationOptions) -> str:
        """The text's language, if a chat model would translate it; else "". Raises as translate_text does."""
        source = source_of([read_pasted(text)], options)
        return source if self._service.way(source, options).steps[0].kind == "chat" else ""


class _Newest:
    """What a thread tells a loop: the newest piece alone, which holds all before it; then that it is the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._piece: dict[str, Any] | None = None
        self._ended = False
        self._bug: Exception | None = None
        self._something = asyncio.Event()

    async def next(self) -> dict[str, Any] | None:
        """What came since the last time, once there is something; None at the end."""
        await self._something.wait()
        piece, self._piece = self._piece, None
        if not self._ended:
            self._something.clear()
        if piece is None and self._bug is not None:
            raise self._bug
        return piece

    def tell(self, piece: dict[str, Any]) -> None:
        """Called from the thread."""
        self._call(self._take, piece)

    def end(self, bug: Exception | None, over: Callable[[], None]) -> None:
        """Called from the thread; `over` is called in the loop."""
        self._call(self._last, bug, over)

    def _take(self, piece: dict[str, Any]) -> None:
        self._piece = piece
        self._something.set()

    def _last(self, bug: Exception | None, over: Callable[[], None]) -> None:
        self._bug, self._ended = bug, True
        self._something.set()
        over()

    def _call(self, what: Callable[..., None], *values: Any) -> None:
        with contextlib.suppress(RuntimeError):  # The loop has closed, and with it everyone who could want to know.
            self._loop.call_soon_threadsafe(what, *values)


def _line(piece: dict[str, Any]) -> str:
    return json.dumps(piece, ensure_ascii=False) + "\n"


def _whole(quick: QuickText, language: str) -> dict[str, Any]:
    failed = ""
    if quick.failed:
        said = t(language, "t.not_whole", n=len(quick.failed))
        failed = f'<p class="error">{html.escape(f"{said} {reason_words(language, quick.failed[0])}")}</p>'
    facts = t(language, "t.quick_facts", way=way_words([asdict(step) for step in quick.way.steps], language),
              seconds=f"{quick.seconds:.1f}")  # fmt: skip
    return {
        "text": quick.text,
        "done": quick.done,
        "total": quick.total,
        "source": quick.source,
        "html": marked_text(quick.text, quick.doubts, language),
        "others": list(quick.others),
        "below": failed + doubts_html(quick.doubts, language),
        "facts": facts,
        "final": True,
    }
