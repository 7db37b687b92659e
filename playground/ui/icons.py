"""Icons as drawn lines, and the small buttons that carry them. Every button has a name that can be read aloud."""

from __future__ import annotations

import html

_PATHS = {
    "archive": "M3 5h18v4H3zM5 9v10h14V9M10 13h4",
    "attach": "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7L9.2 17.2a1.7 1.7 0 0 1-2.4-2.4L14.5 7",
    "check": "M4 4h16v16H4zM8 12l3 3 5-6",
    "close": "M6 6l12 12M18 6L6 18",
    "continue": "M5 5l7 7-7 7M13 5l7 7-7 7",
    "copy": "M9 9h10v10H9zM5 15V5h10",
    "delete": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    "details": "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v6M12 7v1",
    "down": "M12 5v14M6 13l6 6 6-6",
    "edit": "M4 20h4L19 9l-4-4L4 16z",
    "export": "M12 15V4M7 9l5-5 5 5M5 15v5h14v-5",
    "filter": "M4 6h16M7 12h10M10 18h4",
    "folder": "M3 6h6l2 2h10v11H3z",
    "import": "M12 4v11M7 10l5 5 5-5M5 15v5h14v-5",
    "keys": "M3 7h18v11H3zM7 11h0M12 11h0M17 11h0M8 15h8",
    "more": "M5 12h1.500M11.250 12h1.500M17.500 12h1.500",
    "next": "M9 5l7 7-7 7",
    "persona": "M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8M5 20a7 7 0 0 1 14 0",
    "pin": "M12 14v7M8 4h8l-1 6 3 4H6l3-4z",
    "previous": "M15 5l-7 7 7 7",
    "regenerate": "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
    "restore": "M4 12a8 8 0 1 0 2.3-5.7M4 4v6h6",
    "star": "M12 4l2.500 5.200 5.500.7-4 3.900 1 5.700-5-2.800-5 2.800 1-5.700-4-3.900 5.500-.7z",
    "swap": "M7 4L3 8l4 4M3 8h14M17 12l4 4-4 4M21 16H7",
    "template": "M5 4h14v16H5zM8 8h8M8 12h8M8 16h5",
    "vote_down": "M7 4h9l3 8v2h-6l1 6-5-6H7zM7 4H4v10h3",
    "vote_up": "M7 20h9l3-8v-2h-6l1-6-5 6H7zM7 20H4V10h3",
}


def svg(name: str) -> str:
    """The picture alone."""
    return f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{_PATHS[name]}"/></svg>'


def icon_button(
    action: str,
    label: str,
    *,
    argument: str = "",
    text: bool = False,
    icon: str = "",
    pressed: bool | None = None,
    off: bool = False,
    name: str = "",
) -> str:
    """A small button that the page's script hands on as `action`; its accessible name is `label`, or a longer `name`.

    One that is `off` does nothing now, but can be reached: who walks with it keeps the focus at the end of the way.
    """
    seen = html.escape(label)
    words = f"<span>{seen}</span>" if text else ""
    state = "" if pressed is None else f' aria-pressed="{str(pressed).lower()}"'
    state += ' aria-disabled="true"' if off else ""
    return (
        f'<button type="button" class="icon" data-action="{action}" data-argument="{html.escape(argument)}" '
        f'aria-label="{html.escape(name) or seen}" title="{seen}"{state}>{svg(icon or action)}{words}</button>'
    )
