"""Text that comes in pieces between which a character may be cut in two. Pure."""

from __future__ import annotations


class Halves:
    """Half of a surrogate pair, which a server may send, waits for the other; what never comes is a mark."""

    def __init__(self) -> None:
        self._half = ""

    def push(self, text: str) -> str:
        """Text that can be saved and sent."""
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def flush(self) -> str:
        """What is left at the end."""
        half, self._half = self._half, ""
        return "\ufffd" if half else ""
