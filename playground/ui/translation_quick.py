"""A text translated while it is typed: one stream of lines a request, the newest request of a page ending the older.

Each line is JSON: {text, done, total} while it is made; the last one has {source, html, others, below, facts} too. In
place of them {error}, or {manual}: a chat model would do it, which is too slow to be asked at each key.
"""

from __future__ import annotations

import asyncio
import html
import json
import threading
from collections.abc import AsyncIterator, Iterator
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


class QuickTranslations:
    """The texts that pages wait for just now."""

    def __init__(self, service: TranslationService) -> None:
        self._service = service
        self._stops: dict[str, threading.Event] = {}
        """By page."""

    async def lines(
        self, page: str, text: str, options: TranslationOptions, language: str, *, live: bool
    ) -> AsyncIterator[str]:
        """The stream; it ends early when the page is gone, or asks anew. `live`: nobody pressed a button for it."""
        stop = threading.Event()
        if (older := self._stops.get(page)) is not None:
            older.set()
        self._stops[page] = stop
        pieces = self._pieces(text, options, language, stop, live)
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield json.dumps(piece, ensure_ascii=False) + "\n"
        finally:  # Also when the page has gone: then the wait above is cancelled.
            stop.set()
            if self._stops.get(page) is stop:
                del self._stops[page]

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
