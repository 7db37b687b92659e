// A text beside its translation: translated while it is typed by models made for it, else at the press of a button.
"use strict";

const playgroundText = (() => {
  const { word, stored } = playground;
  const { state, choice, send, say, open, options, kind, source, target, change, detectedAs } = playgroundTranslate;
  const $ = (id) => document.getElementById(id);
  const page = Math.random().toString(36).slice(2);
  let timer = 0, asking = 0, request = null, said = "", of = "", manual = false;

  const text = () => $("pt-text").value;
  const most = () => Number($("pt-panes").dataset.most);
  const byHand = () => text().length > most() || kind() === "chat" || (manual && !kind());

  // ---- asking ----------------------------------------------------------------------------------------------------------
  function typed() {
    clearTimeout(timer);
    clearTimeout(asking);
    say(""); // "Undo" would put an older text in the place of this one.
    stored("sessionStorage", "translate-text", text());
    if (!text().trim()) { halt(); manual = false; show({ text: "", html: "" }); error(""); if (!choice.source) detectedAs(""); }
    else if (!byHand()) timer = setTimeout(() => translate(true), 400);
    else {
      if (of !== asked()) { halt(); stale(); }
      if (!choice.source) asking = setTimeout(detect, 400);
    }
    tools();
  }

  // A text that is not translated by itself may be in another language than the one before.
  async function detect() {
    const of = text(), { source } = await playground.ask("page/translate/detect", { text: of });
    if (source && of === text() && !choice.source) detectedAs(source);
  }

  // What a translation is of; another text or other choices make another.
  const asked = () => JSON.stringify([text(), options()]);

  // The pair became known, or its models changed.
  function settled() {
    if ($("pt-text") && text().trim() && !request && !byHand() && of !== asked()) typed();
    tools();
  }

  function stale() {
    $("pt-out").classList.toggle("stale", Boolean(said));
    for (const box of ["pt-facts", "pt-others", "pt-below"]) $(box).replaceChildren();
  }

  function tools() {
    const running = Boolean(request), long = text().length > most();
    $("pt-go").hidden = !byHand() || running || !text().trim();
    $("pt-halt").hidden = !(running && byHand());
    $("pt-count").textContent = text() ? word(long ? "t.count_long" : "t.count", { n: text().length.toLocaleString(), most: most().toLocaleString() }) : "";
    $("pt-out").setAttribute("aria-busy", String(running));
  }

  async function translate(live) {
    clearTimeout(timer);
    request?.abort();
    const mine = (request = new AbortController()), wanted = asked();
    error("");
    tools();
    if (!live) show({ text: "", html: "", facts: word("t.working") });
    // What stands there is of another text: it is said when that lasts, such as while a model is loaded.
    setTimeout(() => { if (request === mine && !last) { stale(); $("pt-facts").textContent = word("t.working"); } }, 700);
    let last = null;
    try {
      const body = JSON.stringify({ page, live, guess: state.detected, text: text(), ...options() });
      const answer = await fetch("page/translate/quick", { method: "POST", body, headers: { "Content-Type": "application/json" }, signal: mine.signal });
      if (!answer.ok) last = await answer.json();
      else for await (const line of lines(answer.body)) {
        if (request !== mine) return;
        last = JSON.parse(line);
        if (last.text !== undefined) show(last);
      }
    } catch {
      if (mine.signal.aborted) return;
      last = { error: word("offline") };
    }
    if (request !== mine) return;
    request = null;
    if (last?.manual) { manual = true; stale(); detectedAs(last.source); } // Chat models are too slow to be asked at each key.
    else if (last?.error) { show({ text: "", html: "" }); error(last.error); if (last.source) detectedAs(last.source); }
    else if (last?.final) { of = wanted; manual = false; detectedAs(last.source); }
    tools();
  }

  async function* lines(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts.filter(Boolean);
    }
  }

  function halt() {
    if (request) $("pt-facts").textContent = "";
    request?.abort();
    request = null;
    tools();
  }

  // ---- showing ---------------------------------------------------------------------------------------------------------
  function show({ text: made, html, others = [], below = "", facts = "", done, total }) {
    const out = $("pt-out");
    said = made;
    if (!made) of = "";
    out.classList.remove("stale");
    out.lang = target();
    if (html === undefined) out.textContent = made;
    else out.innerHTML = html;
    $("pt-below").innerHTML = below;
    $("pt-facts").textContent = facts || (total > 1 && done < total ? word("t.done", { done, total }) : "");
    const rows = others.map((one) => {
      const node = playground.button(one, () => { takeOther(one); });
      node.className = "pt-other";
      node.setAttribute("aria-label", word("t.take_other", { text: one }));
      return node;
    });
    $("pt-others").replaceChildren(...(rows.length ? [Object.assign(document.createElement("h4"), { textContent: word("t.others") }), ...rows] : []));
  }

  function takeOther(one) {
    const others = [...$("pt-others").querySelectorAll("button")].map((node) => node.textContent);
    const left = others.map((other) => (other === one ? said : other));
    show({ text: one, others: left });
    $("pt-out").focus({ preventScroll: true });
  }

  function error(words) {
    $("pt-text-error").textContent = words;
  }

  // Leads to a doubtful place: characters as Python counts them.
  function reveal(start, end) {
    const all = [...said], at = (n) => all.slice(0, n).join("").length, range = new Range();
    const walker = document.createTreeWalker($("pt-out"), NodeFilter.SHOW_TEXT);
    for (let first = 0; walker.nextNode();) {
      const node = walker.currentNode, next = first + node.length;
      if (at(start) >= first && at(start) <= next) range.setStart(node, at(start) - first);
      if (at(end) > first && at(end) <= next) { range.setEnd(node, at(end) - first); break; }
      first = next;
    }
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    range.startContainer.parentElement.scrollIntoView({ block: "nearest" });
  }

  // ---- commands --------------------------------------------------------------------------------------------------------
  function clear() {
    const was = text();
    if (!was) return;
    set("");
    say(word("t.cleared"), false, playground.button(word("undo"), () => { set(was); say(""); }));
  }

  function set(value) {
    $("pt-text").value = value;
    typed();
    $("pt-text").focus();
  }

  function swap() {
    const from = source(), to = target();
    if (!from) return error(word("t.swap_unknown"));
    const made = said || text();
    error("");
    state.detected = "";
    change({ source: to, target: from });
    set(made);
  }

  async function copy() {
    if (!said || $("pt-out").classList.contains("stale")) return error(said ? word("t.stale") : "");
    try {
      await navigator.clipboard.writeText(said);
    } catch {
      return say(word("copy_failed"), true); // Browsers allow it on this machine or over HTTPS only.
    }
    say(word("copied"));
  }

  async function edit(button) {
    if (!text().trim()) return error(word("t.nothing"));
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    const answer = await send("open", { ...options(), source: source(), text: text() });
    button.removeAttribute("aria-busy");
    if (answer.error) error(answer.error);
    else open(answer.run);
  }

  function click(node, action) {
    const work = { translate: () => translate(false), halt, clear, swap, copy, open: edit }[action];
    if (work) work(node);
    else if (node.classList.contains("pt-doubt") && node.closest("#pt-below")) reveal(Number(node.dataset.start), Number(node.dataset.end));
    else return node.classList.contains("pt-other");
    return true;
  }

  function appear() {
    const box = $("pt-text");
    box.value = stored("sessionStorage", "translate-text") || "";
    box.addEventListener("input", typed);
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (text().trim()) translate(false);
    });
    typed();
  }

  return { appear, click, typed, settled };
})();
