"""axe-core over what a page shows: its rules for WCAG 2.2 AA, and its good practices besides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""All that another mode can change."""
GRAVE = ("serious", "critical")
_MAIN = "Gradio calls all of the page its main part, header and tabs too. reach.js takes that from it (role none)."
GRADIOS = (("aria-allowed-role", "main", _MAIN), ("aria-allowed-role", ".contain", _MAIN))
"""What is of Gradio's own making and cannot be mended better from outside: (rule, selector, reason)."""
# Colours that are on their way into another mode would be measured in between.
_STILL = """() => {
  if (window.stilled) return;
  const sheet = window.stilled = new CSSStyleSheet();
  sheet.replaceSync('*, ::before, ::after { transition: none !important; animation: none !important; }');
  document.adoptedStyleSheets.push(sheet);
}"""
_RUN = """async ([part, options]) => {
  const { violations } = await axe.run(part || document, options);
  return violations.flatMap(({ id, impact, nodes }) => nodes.map((node) => ({
    rule: id, impact: node.impact || impact, where: node.target.flat().join(' '), html: node.html.slice(0, 200),
    why: [...node.any, ...node.all, ...node.none].map((one) => one.message).join('; ').slice(0, 300),
  })));
}"""


@dataclass(frozen=True)
class Violation:
    """One rule that one element breaks."""

    rule: str
    impact: str
    where: str
    html: str
    why: str

    def __str__(self) -> str:
        return f"{self.impact} {self.rule}: {self.where}\n    {self.html}\n    {self.why}"


@dataclass
class Report:
    """What was found in many states; each violation is told once, with where it was seen."""

    scans: int = 0
    seen: dict[Violation, list[str]] = field(default_factory=dict)

    def look(self, page: Page, state: str, part: str = "", modes: Sequence[str] = ("light", "dark")) -> None:
        """Scan the page, or a part, as it stands, in these modes; in the second for colours alone."""
        for number, mode in enumerate(modes):
            # What the page's own button does; a click on it would close the menu that is to be looked at.
            page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", mode == "dark")
            for one in scan(page, part, COLOURS if number else ()):
                self.seen.setdefault(one, []).append(f"{state}, {mode}")
            self.scans += 1
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", modes[0] == "dark")

    def grave(self) -> list[Violation]:
        """What must not be. All else that was found is printed besides, for whoever mends it."""
        theirs = {(rule, where) for rule, where, _ in GRADIOS}
        ours = {one: states for one, states in self.seen.items() if (one.rule, one.where) not in theirs}
        for one, states in ours.items():
            print(f"{one}\n    in: {'; '.join(states)}")
        print(f"{self.scans} scans")
        return [one for one in ours if one.impact in GRAVE]


def scan(page: Page, part: str = "", rules: Iterable[str] = ()) -> list[Violation]:
    """What is wrong with the page as it stands, or with a part of it; with `rules` those alone are asked."""
    page.evaluate(_STILL)
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE_SCRIPT)  # By the protocol of the browser's tools, which the page's policy does not bind.
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TAGS}
    options = {"runOnly": only, "resultTypes": ["violations"], "iframes": False}
    found: list[dict[str, Any]] = page.evaluate(_RUN, [part, options])
    return [Violation(**one) for one in found]
