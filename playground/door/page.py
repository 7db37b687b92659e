"""The page at the entrance: a link, a name, a password. It stands alone, with nothing of the page behind it."""

from __future__ import annotations

import html
import json

from playground.ui.strings import t

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #fafafa; color: #27272a; }
main { width: min(22rem, calc(100vw - 3rem)); }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
[hidden] { display: none !important; }
label { display: block; margin: 1rem 0 .2rem; font-size: .9rem; }
input, button { box-sizing: border-box; width: 100%; padding: .55rem .7rem; font: inherit; border-radius: 8px; }
input { border: 1px solid #8a8a94; }
#kept { display: flex; align-items: start; gap: .5rem; }
#kept input { width: auto; flex: none; margin: .3rem 0 0; }
button { margin-top: 1.4rem; border: 0; background: #0f766e; color: #fff; cursor: pointer; }
button[disabled] { opacity: .6; }
:focus-visible { outline: 2px solid #0f766e; outline-offset: 2px; }
[role=alert] { color: #b42318; min-height: 1.5rem; margin: .8rem 0 0; }
@media (prefers-color-scheme: dark) {
  body { background: #09090b; color: #f4f4f5; }
  [role=alert] { color: #ff8a80; }
  button { background: #2aa198; color: #04201d; }
  :focus-visible { outline-color: #5eead4; }
}
"""
# The link's secret stands behind the "#", which no server and no log ever sees. What somebody who is not in (any more)
# had typed into our page goes before the browser writes it to the disk.
_SCRIPT = """
if (!WORDS.inside) { try { sessionStorage.clear(); } catch { /* It may be forbidden; then nothing is in it. */ } }
const form = document.querySelector("form"), alert = document.querySelector("[role=alert]");
let link = location.hash.slice(1);
try { link = decodeURIComponent(link); } catch { /* No link of ours; it is told so. */ }
history.replaceState(null, "", location.pathname);
// A link that is opened where this page is open already.
addEventListener("hashchange", () => location.reload());
document.getElementById("with-link").hidden = !link;
document.getElementById("without-link").hidden = Boolean(link);
document.getElementById("kept").hidden = !link;
if (WORDS.ended && !link) { alert.textContent = WORDS.ended; }
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  alert.textContent = "";
  try {
    const { name, password, keep } = form.elements;
    const body = JSON.stringify({ link, name: name.value, password: password.value, keep: link && keep.checked });
    const answer = await fetch("enter", { method: "POST", body, headers: { "Content-Type": "application/json" } });
    if (answer.ok) { location.replace("./"); return; }
    alert.textContent = (await answer.json()).error;
  } catch { alert.textContent = WORDS.failed; }
  button.disabled = false;
  form.elements.password.select();
});
form.elements.name.focus();
"""


def entrance_html(language: str, inside: str, *, was_in: bool = False) -> str:
    """The whole page; `inside` is the name of whoever is in already, `was_in` is for one who is not any more."""
    words = {
        key: html.escape(t(language, f"door.{key}"))
        for key in ("title", "invited", "account", "name", "password", "keep", "enter", "back")
    }
    ended = t(language, "door.ended") if was_in else ""
    says = {"failed": t(language, "door.failed"), "inside": bool(inside), "ended": ended}
    told = json.dumps(says).replace("<", "\\u003c")
    back = f'<p><a href="./">{words["back"]} ({html.escape(inside)})</a></p>' if inside else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Playground</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        '<link rel="icon" href="data:,">'  # Else browsers ask for one, which is shut until one is in.
        f"<style>{_STYLE}</style></head><body><main><h1>{words['title']}</h1>"
        f'<p id="with-link" hidden>{words["invited"]}</p><p id="without-link">{words["account"]}</p>{back}'
        f'<form><label for="name">{words["name"]}</label>'
        '<input id="name" name="name" maxlength="60" autocomplete="username">'
        f'<label for="password">{words["password"]}</label>'
        f'<input id="password" name="password" type="password" maxlength="1000" autocomplete="current-password">'
        f'<label id="kept" hidden><input type="checkbox" name="keep"> {words["keep"]}</label>'
        f'<button>{words["enter"]}</button><p role="alert"></p></form></main>'
        f"<script>const WORDS = {told};{_SCRIPT}</script></body></html>"
    )
