"""Sees in a real browser whether anything ran that was only shown, or was asked for elsewhere."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Error, Page, Request, Route

_INIT = """
(() => {
  const tell = (what) => window.__tell(String(what));
  Object.defineProperty(window, "__pwned", { set: (name) => tell(`ran: ${name}`), get: () => undefined });
  for (const name of ["alert", "confirm", "prompt", "print", "open"])
    window[name] = (...given) => tell(`called: ${name} ${given}`);
  addEventListener("submit", (event) => {
    const to = event.target.getAttribute("action") || event.submitter?.getAttribute("formaction");
    if (to) { event.preventDefault(); tell(`submitted: ${to}`); }
  }, true);
  addEventListener("securitypolicyviolation", (event) =>
    tell(`policy: ${event.violatedDirective} ${event.blockedURI}`));
})();
"""
# What would run or fetch if it were there, wherever in the page it stands: attributes and elements that hold a payload.
_LIVE = """() => {
  const found = [], harmless = /^(title|alt|value|placeholder|label|content|class|for|aria-.*|data-.*)$/;
  for (const node of document.querySelectorAll("*")) {
    const tag = node.localName;
    for (const { name, value } of node.attributes) {
      const hostile = /__pwned|evil\\.example/.test(value);
      const link = tag === "a" && name === "href" && /^(https?:\\/\\/|mailto:)/i.test(value)
        && node.target === "_blank" && node.relList.contains("noopener");
      if (hostile && !harmless.test(name) && !link) found.push(`${tag} ${name}=${value}`);
      if (hostile && name === "content" && tag === "meta") found.push(`meta ${value}`);
    }
    if (/^(script|style|template|noscript)$/.test(tag) && /__pwned=|evil\\.example/.test(node.textContent))
      found.push(node.outerHTML.slice(0, 200));
  }
  return found;
}"""
# Inside of what a model said there is nothing but text, marks of it, our own code bar, and links of few kinds.
_FOREIGN = """(where) => {
  const tags = new Set(("a b blockquote br button code del details div em h1 h2 h3 h4 h5 h6 hr li ol p pre s span "
    + "strong summary table tbody td th thead tr ul math mrow mi mn mo mtext mspace mstyle mpadded mphantom menclose "
    + "semantics mfrac msqrt mroot msup msub msubsup mover munder munderover mmultiscripts mprescripts none mtable "
    + "mtr mtd mark").split(" "));
  const found = [];
  for (const node of document.querySelectorAll(`${where} *`)) {
    const tag = node.localName, named = node.id || node.getAttribute("name"), href = node.getAttribute("href");
    if (!tags.has(tag) || named) found.push(node.outerHTML.slice(0, 200));
    for (const { name } of node.attributes) if (/^on|^style$|^srcdoc$|^ping$/.test(name)) found.push(`${tag} ${name}`);
    if (tag === "button" && node.dataset.copy !== "code") found.push(node.outerHTML.slice(0, 200));
    if (href === null) continue;
    const kept = node.target === "_blank" && node.relList.contains("noopener") && node.relList.contains("noreferrer");
    if (!/^(https?:\\/\\/|mailto:)/i.test(href) || !kept) found.push(`a ${href} ${node.target} ${node.rel}`);
  }
  return found;
}"""
_PRESSED = ":is(a, button, summary, input, area, math, math *, [onclick], [tabindex], form)"
_ADDRESSES = "(where) => [...document.querySelectorAll(`${where} a`)].map((node) => node.href).filter(Boolean)"
# As a person would: over everything, into everything.
_HOVER = """(where) => {
  for (const node of document.querySelectorAll(`${where}, ${where} *`))
    for (const kind of ["pointerover", "mouseover", "mouseenter", "mousemove", "focus", "focusin"])
      node.dispatchEvent(new MouseEvent(kind, { bubbles: true }));
}"""
# What writes a mail is another program.
_PRESS = """([where, pressed]) => {
  for (const node of document.querySelectorAll(`${where} ${pressed}`)) {
    if (node.protocol === "mailto:") continue;
    if (node.localName === "form") node.requestSubmit();
    else node.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, view: window }));
  }
}"""


@dataclass
class Detector:
    """Of all pages in a context. `origins` are those that may be asked."""

    context: BrowserContext
    origins: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    policy: list[str] = field(default_factory=list)
    clicked: set[str] = field(default_factory=set)
    followed: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.expose_binding("__tell", lambda source, what: self._tell(str(what)))
        self.context.add_init_script(_INIT)
        self.context.on("request", self._asked)
        self.context.on("page", self._opened)
        self.context.route(lambda address: not self._ours(address), lambda route: self._elsewhere(route))

    def page(self, origin: str) -> Page:
        """A tab that may ask this origin."""
        self.origins.add(origin)
        made = self.context.new_page()
        self.pages.append(made)
        made.on("dialog", self._dialog)
        made.on("framenavigated", lambda frame: self._moved(frame.url))
        return made

    def touch(self, page: Page, where: str) -> int:
        """Hover over all that is there and press it; returns how many links there were."""
        addresses: list[str] = page.evaluate(_ADDRESSES, where)
        self.clicked.update(addresses)
        self.hover(page, where)
        page.evaluate(_PRESS, [where, _PRESSED])
        return len(addresses)

    def hover(self, page: Page, where: str) -> None:
        """Move over all that is there and into it, without a press."""
        page.evaluate(_HOVER, where)

    def check(self, page: Page, inside: str = "") -> None:
        """Nothing ran or was asked for elsewhere, nothing is there that could; `inside` holds what a model said."""
        for other in self.context.pages:
            if other not in self.pages:
                other.close()
        happened = list(self.told)
        self.told.clear()
        assert not happened, happened
        found = page.evaluate(_LIVE) + (page.evaluate(_FOREIGN, inside) if inside else [])
        assert not found, found

    def _tell(self, what: str) -> None:
        (self.policy if what.startswith("policy:") else self.told).append(what)

    def _ours(self, address: str) -> bool:
        kind = address.partition(":")[0]
        return kind in ("data", "blob", "about") or any(address.startswith(f"{one}/") for one in self.origins)

    def _asked(self, request: Request) -> None:
        if self._ours(request.url):
            return
        followed = request.is_navigation_request() and request.url in self.clicked
        kept = followed and not self._here(request)
        self.followed.append(request.url) if kept else self.told.append(f"asked: {request.url}")

    def _here(self, request: Request) -> bool:
        """Whether a navigation is one of ours or inside of it; a link is only followed in a tab of its own."""
        try:
            return request.frame.page in self.pages
        except Error:  # The tab is not there yet, so it is a new one.
            return False

    def _elsewhere(self, route: Route) -> None:
        with contextlib.suppress(Error):  # Its tab may be closed by now.
            route.abort()

    def _opened(self, page: Page) -> None:
        page.on("dialog", self._dialog)

    def _moved(self, address: str) -> None:
        if not self._ours(address) and address != "about:blank":
            self.told.append(f"went to: {address}")

    def _dialog(self, dialog: Any) -> None:
        self.told.append(f"dialog: {dialog.message}")
        dialog.dismiss()
