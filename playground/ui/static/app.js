// The page's script: shows what the event stream says, and hands commands to Gradio's handlers. It decides nothing.
// Inline in <head>, before Gradio starts; `PLAYGROUND` (cookie name, words, damaged file) is set just above it.
"use strict";

const playground = (() => {
  const cookie = document.cookie.match(new RegExp(`${PLAYGROUND.cookie}=(\\w+)`));
  const language = cookie && PLAYGROUND.words[cookie[1]] ? cookie[1] : /^zh/i.test(navigator.language) ? "zh" : "en";
  // Gradio asks the browser for its language; the user's own choice goes before it.
  const locale = language === "zh" ? "zh-CN" : "en";
  Object.defineProperty(navigator, "language", { get: () => locale });
  Object.defineProperty(navigator, "languages", { get: () => [locale] });

  const word = (key, values = {}) =>
    Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, () => value), PLAYGROUND.words[language][key]);
  const $ = (id) => document.getElementById(id);
  const state = { conversation: new URLSearchParams(location.search).get("c") || "", leaf: null, viewed: false, streaming: false, at: "" };
  // Which conversation's settings the panel shows, and which version of them.
  const panel = { of: null, settings: null, persona: "" };
  function setPanel(of, settings) {
    Object.assign(panel, { of, settings });
    document.body.classList.toggle("panel-follows", of === null);
    // What is typed into settings that are about to be replaced would be lost.
    $("pg-settings").inert = of === null;
  }
  const pending = [];
  const waiting = new Set(); // Conversations whose message waits for its files.
  let stream = null, hideTimer = 0, again = 0, entered = null, loadingSince = 0, rate = "", listed = 100, refills = 0;
  // The message to go to once it is there; what to hold still meanwhile.
  let sought = "", held = null;

  // ---- storage that may be forbidden -----------------------------------------------------------------------------
  const stored = (area, key, value) => {
    if (area === "sessionStorage" && others()) return passing(key, value);
    try {
      if (value === undefined) return window[area].getItem(key);
      value ? window[area].setItem(key, value) : window[area].removeItem(key);
    } catch { /* Private windows may refuse storage; the page works without. */ }
    return null;
  };

  // Whether this page is somebody's who is not the owner: theirs is not to lie on a disk when they have gone. What they
  // have typed stays in memory, and in the browser's storage just while the page is loaded anew (see the entrance, too).
  const others = () => Boolean($("pg-leave"));
  const kept = new Map();
  function passing(key, value) {
    taken();
    if (value === undefined) return kept.get(key) ?? null;
    value ? kept.set(key, value) : kept.delete(key);
    return null;
  }
  function taken() {
    try {
      for (const [key, value] of Object.entries(sessionStorage)) kept.set(key, value);
      sessionStorage.clear();
    } catch { /* As above. */ }
  }
  addEventListener("pagehide", () => {
    if (!others()) return;
    try { for (const [key, value] of kept) sessionStorage.setItem(key, value); } catch { /* As above. */ }
  });
  addEventListener("pageshow", () => { if (others()) taken(); });
  const draftKey = () => `draft:${state.conversation}`;

  // ---- watching --------------------------------------------------------------------------------------------------
  function connect() {
    if (stream) stream.close();
    stream = null;
    clearTimeout(again);
    if (document.hidden) return;
    stream = new EventSource(`page/live?c=${encodeURIComponent(state.conversation)}&listed=${listed}&at=${state.at}`);
    const on = (name, handler) => stream.addEventListener(name, (event) => handler(JSON.parse(event.data)));
    stream.onopen = () => notice("", "offline");
    stream.onerror = () => {
      notice(word("offline"), "offline");
      $("pg-status").dataset.phase = "failed";
      if (stream?.readyState !== EventSource.CLOSED) return;
      again = setTimeout(connect, 1000);
      if (others()) shownOut();
    };
    on("list", showList);
    on("model", showModel);
    on("view", showView);
    on("live", showLive);
    on("models", (event) => playgroundModels.show(event));
    on("warning", ({ text }) => notice(text, "warning"));
    on("gone", () => open(""));
  }

  // Whoever may not be here any more is led to the entrance, and sees nothing of what was theirs.
  async function shownOut() {
    try {
      if ((await fetch("page/choices")).status === 401) location.replace("enter");
    } catch { /* Nobody answers: it is tried again. */ }
  }

  function showList({ html }) {
    keepingFocus($("pg-list"), () => { $("pg-list").innerHTML = html; });
    playgroundSide.listed();
    playgroundSelect.draw();
    markOpen();
  }

  // A message that changed while it was being edited is drawn anew when the box is closed.
  const caughtUp = (article) => (article.later ? place($("pg-items"), article.later, article) : article);

  // What is drawn anew takes the focus with it: the same control gets it back.
  function keepingFocus(box, draw) {
    const { action, argument, open } = box.contains(document.activeElement) ? document.activeElement.dataset : {};
    draw();
    const same = action ? `[data-action="${action}"][data-argument="${CSS.escape(argument)}"]` : `a[data-open="${open}"]`;
    if (action || open) document.querySelector(same)?.focus({ preventScroll: true });
  }

  function markOpen() {
    for (const link of document.querySelectorAll("#pg-list a")) {
      if (link.dataset.open === state.conversation) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  function showModel({ phase, name, text, error, note }) {
    const box = $("pg-status");
    box.dataset.phase = phase;
    Object.assign(box.querySelector("b"), { textContent: name, title: name });
    box.style.setProperty("--pg-signs", name.length);
    if (phase !== "loading") loadingSince = 0;
    else loadingSince = loadingSince || Date.now();
    box.dataset.text = text;
    tick();
    const waits = phase === "loading" || phase === "downloading" || phase === "waiting";
    notice(error, "model", error ? ["load", word("try_again")] : null);
    notice(note, "model-note", null, "hint");
    notice(waits ? word("model_waits") : "", "waits", null, "hint");
  }

  function tick() {
    const box = $("pg-status");
    if (!box) return;
    const seconds = loadingSince ? Math.round((Date.now() - loadingSince) / 1000) : 0;
    box.querySelector("span").textContent = ` · ${box.dataset.text || ""}${seconds ? ` · ${seconds} s` : ""}${rate ? ` · ${rate}` : ""}`;
  }

  function showView(view) {
    if (view.conversation !== state.conversation) return;
    Object.assign(state, { leaf: view.leaf, viewed: true });
    if (state.streaming && !view.streaming) notice("", "command");
    setStreaming(view.streaming);
    // The browser's history keeps titles, and a title is the beginning of what was written.
    if (!others()) document.title = `${view.title} · Playground`;
    if (panel.of === view.conversation && panel.settings !== view.settings) { panel.settings = view.settings; act("open"); }
    const items = $("pg-items"), bottom = atBottom(), fresh = !items.children.length;
    const first = view.items.length ? $(`m-${view.items[0].id}`) : null;
    // Earlier messages that were asked for stay as long as they still lead to the first shown one.
    while (items.firstChild && items.firstChild !== first) {
      if (first && items.firstChild.dataset.kept) break;
      items.firstChild.remove();
    }
    let at = first || items.firstChild;
    for (const item of view.items) at = place(items, item, at).nextSibling;
    while (at) { const next = at.nextSibling; at.remove(); at = next; }
    earlier(items.querySelector("[data-kept]") ? null : view.earlier);
    $("pg-later").hidden = !view.later;
    $("pg-later").textContent = word("later", { n: view.later });
    if (!view.streaming) showProgress("");
    $("pg-empty").hidden = view.items.length > 0;
    playgroundMessages.restore();
    if (sought && $(`m-${sought}`)) { reveal(sought); sought = ""; }
    else if (held && $(`m-${held.id}`)) holdStill();
    else if (bottom || fresh) toBottom();
    atEnd();
    playgroundComposer.changed();
    playgroundDetails.changed();
  }

  // From one version of a message to the next: its arrows stay where they are on the screen, and keep the focus.
  function walk(node, action, id) {
    state.at = id;
    held = { id, action, top: node.getBoundingClientRect().top };
    act(action, id);
  }

  function holdStill() {
    const { id, action, top } = held, arrow = $(`m-${id}`).querySelector(`[data-action=${action}]`);
    held = null;
    if (!arrow) return; // The other versions were deleted meanwhile.
    $("pg-log").scrollTop += arrow.getBoundingClientRect().top - top;
    arrow.focus({ preventScroll: true });
  }

  // The message that a search or the tree led to.
  function reveal(id) {
    const node = $(`m-${id}`);
    node.scrollIntoView({ block: "center" });
    node.classList.add("found");
    playgroundSide.highlight(node);
    atEnd();
  }

  function place(items, item, at, kept) {
    if (at && at.dataset.id === item.id && at.dataset.v === item.v) return at;
    if (at && at.dataset.id === item.id && at.querySelector(".editing")) { at.later = item; return at; }
    const node = document.createElement("article");
    node.id = `m-${item.id}`;
    node.dataset.id = item.id;
    node.dataset.v = item.v;
    if (kept) node.dataset.kept = "1";
    node.innerHTML = item.html;
    node.className = node.querySelector(".who").dataset.role;
    translate(node);
    if (at && at.dataset.id === item.id) keepingFocus(at, () => at.replaceWith(node));
    else items.insertBefore(node, at || null);
    return node;
  }

  function showLive(live) {
    const node = $(`m-${live.id}`);
    if (!node) return;
    const bottom = atBottom(), body = node.querySelector(".body");
    while (body.children.length > live.from) body.lastChild.remove();
    body.insertAdjacentHTML("beforeend", live.blocks.join(""));
    for (const block of [...body.children].slice(live.from)) translate(block);
    node.setAttribute("aria-busy", "true");
    // The text differs from what the stored message shows: the next view must draw it anew.
    node.dataset.v = "live";
    node.dataset.tokens = live.tokens;
    showProgress(live.text);
    rate = live.rate;
    tick();
    notice(live.notice, "save");
    if (bottom) toBottom();
  }

  function showProgress(text) {
    $("pg-live").hidden = !text;
    $("pg-live").textContent = text;
    if (!text) notice("", "save");
  }

  function setStreaming(on) {
    state.streaming = on;
    document.body.classList.toggle("streaming", on);
  }

  function earlier(count) {
    const button = $("pg-earlier");
    if (count === null) return;
    button.hidden = !count;
    button.textContent = word("earlier", { n: count });
  }

  async function showEarlier() {
    const items = $("pg-items"), first = items.firstChild, log = $("pg-log"), asked = state.conversation;
    if (!first || $("pg-earlier").disabled) return;
    $("pg-earlier").disabled = true;
    const page = await ask(`page/earlier?c=${asked}&before=${first.dataset.id}`);
    $("pg-earlier").disabled = false;
    if (page.error) return notice(page.error, "command");
    if (asked !== state.conversation || items.firstChild !== first) return;
    const height = log.scrollHeight;
    for (const item of page.items) place(items, item, first, true);
    earlier(page.earlier);
    log.scrollTop += log.scrollHeight - height;
  }

  // The stream tells of the messages at the end; what changed about an earlier one that was asked for is fetched.
  async function redraw(id) {
    if (!$(`m-${id}`)?.dataset.kept) return;
    const { item, error } = await ask(`page/view/${id}`), article = $(`m-${id}`);
    if (error) return notice(error, "command");
    if (article) place($("pg-items"), item, article, true);
    playgroundComposer.changed();
  }

  // JSON from our server; what goes wrong on the way becomes an `error` in words.
  async function ask(address, body) {
    const how = body && { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    try { return await (await fetch(address, how)).json(); } catch { return { error: word("offline") }; }
  }

  const atBottom = () => { const log = $("pg-log"); return log.scrollHeight - log.scrollTop - log.clientHeight < 60; };
  const toBottom = () => { const log = $("pg-log"); log.scrollTop = log.scrollHeight; };
  const atEnd = () => { $("pg-latest").hidden = atBottom(); };

  // ---- notices: in place, each with its own key, none vanishes by itself -------------------------------------------
  function notice(text, key, action = null, kind = "error") {
    const box = $("pg-notice");
    if (!box) return;
    const old = box.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (old && old.dataset.text === text) return;
    if (old) old.remove();
    // What the meter says already is not said twice, and goes with it when the text fits again.
    const same = [...box.children].find((line) => line.dataset.text === text);
    if (same && key === "meter") same.dataset.key = key;
    if (!text || same) return;
    const line = document.createElement("p");
    line.dataset.key = key;
    line.dataset.text = text;
    line.className = kind;
    line.textContent = `${text} `;
    if (action) line.append(button(action[1], () => act(action[0])));
    box.append(line);
  }

  // Ends all notices whose keys begin like this.
  function forget(beginning) {
    for (const line of document.querySelectorAll(`#pg-notice [data-key^="${beginning}"]`)) line.remove();
  }

  function button(label, handler) {
    const node = document.createElement("button");
    node.type = "button";
    node.textContent = label;
    node.addEventListener("click", handler);
    return node;
  }

  // Words that pass by; with something to do they stay until the next ones, or until they are put away.
  function toast(text, undo, action = null) {
    const box = $("pg-toast"), doing = [...(action ? [action] : []), ...(undo ? [[word("undo"), undo]] : [])];
    const clear = () => { box.textContent = ""; };
    clearTimeout(hideTimer);
    box.textContent = text;
    for (const [label, work] of doing) box.append(button(label, () => { clear(); work(); }));
    if (doing.length) box.append(button(word("dismiss"), () => { clear(); focusBox(); }));
    else hideTimer = setTimeout(clear, 10000);
  }

  // ---- commands: from here into Gradio's handlers and back ---------------------------------------------------------
  const page = (action, argument = "", value = "") =>
    ({
      ...state, conversation: state.conversation || null, panel: panel.of, persona: panel.persona,
      files: playgroundComposer.files(), action, argument, value,
    });

  // A page that has only just opened a conversation does not know its leaf yet: the command waits until it does.
  async function leafOf({ conversation, leaf, viewed }) {
    if (!conversation || viewed) return leaf;
    const here = () => conversation === state.conversation;
    for (let tries = 0; here() && !state.viewed && tries < 50; tries++) await new Promise((go) => setTimeout(go, 100));
    return here() ? state.leaf : leaf;
  }

  function act(action, argument, value) {
    const asked = page(action, argument, value);
    pending.push(asked);
    press("pg-act", () => pending.includes(asked));
  }

  // Gradio may have drawn its button without listening to it yet: pressed again until the command is taken.
  function press(id, waits, tries = 0) {
    const trigger = $(id);
    (trigger.matches("button") ? trigger : trigger.querySelector("button")).click();
    setTimeout(() => { if (waits() && tries < 20) press(id, waits, tries + 1); }, 500);
  }

  // What stood there when Enter or Send was pressed, not what is typed or opened while Gradio gets going and files arrive.
  const pressed = (said) => ({ said, asked: page("send"), going: playgroundComposer.going() });

  async function message(text, rest) {
    const { said, asked, going } = entered || pressed(text), { conversation } = asked;
    entered = null;
    if (waiting.has(conversation)) return [{ ...asked, again: true }, said, ...rest];
    waiting.add(conversation);
    const [{ files, unread }, leaf] = await Promise.all([going, leafOf(asked)]);
    waiting.delete(conversation);
    return [{ ...asked, leaf, files, unread }, said, ...rest];
  }

  const take = () => pending.shift() || page("none");

  function sent(result, text) {
    if (result.again) return text;
    if (result.error) { notice(result.error, "command"); if (stream) connect(); return text; }
    if (result.sent_from !== state.conversation) {
      // The reader has gone on to another conversation: the box belongs to that one now.
      const draft = stored("sessionStorage", `draft:${result.sent_from}`) || "";
      const rest = draft.startsWith(result.text) ? draft.slice(result.text.length) : result.text.startsWith(draft) ? "" : draft;
      stored("sessionStorage", `draft:${result.sent_from}`, rest);
      playgroundComposer.taken(result.files, result.sent_from);
      return text;
    }
    notice("", "command");
    notice(result.note || "", "branch", null, "hint");
    playgroundComposer.taken(result.files, result.sent_from);
    stored("sessionStorage", draftKey(), "");
    const rest = text.startsWith(result.text) ? text.slice(result.text.length) : text;
    if (result.conversation !== state.conversation) {
      const { persona } = panel;
      show(result.conversation);
      setPanel(result.conversation, null);
      panel.persona = persona;
      playgroundComposer.changed();
    } else toLatest();
    if (panel.of === result.conversation) panel.settings = result.settings;
    toBottom();
    stored("sessionStorage", draftKey(), rest);
    focusBox();
    return rest;
  }

  // A page that shows an older part of the conversation follows what was begun.
  function toLatest() {
    if (!state.at) return;
    state.at = "";
    connect();
  }

  function failed() {
    notice(word("failed"), "command");
    playgroundMessages.failed();
  }

  // Gradio was once seen to lose what it was to put into the panel: asked again, unless someone has written there.
  function filled({ panel: of, system }) {
    const box = document.querySelector("#pg-system textarea"), before = box?.value;
    if (!box || system === undefined || before === system || refills === 2) return;
    setTimeout(() => {
      if (panel.of !== of || box.value !== before || box === document.activeElement) return;
      refills += 1;
      act("open");
    }, 700);
  }

  function done(result) {
    if (result.action === "none") return;
    if (result.action === "open" || result.action === "persona") {
      if (result.panel === state.conversation) {
        setPanel(result.panel, result.settings || panel.settings);
        panel.persona = result.persona || "";
        playgroundComposer.persona(result.name || "");
        filled(result);
      } else if (!result.error) act("open"); // An answer that was overtaken has filled the panel: fill it again.
      if (result.error) notice(result.error, "command");
      return focusBox();
    }
    playgroundMessages.answered(result);
    notice(result.error || "", "command");
    if (result.note) notice(result.note, "branch", null, "hint");
    focusBox();
    if (result.settings && panel.of === result.conversation) panel.settings = result.settings;
    if (result.error) { held = null; connect(); return; }
    if (result.open) return open(result.open);
    if (held) return connect();
    if (result.settings) toLatest();
    else redraw(result.argument);
    const undo = undone[result.action];
    if (undo) undo(result);
  }

  // What can be undone, and how.
  const undone = {
    delete({ argument }) {
      toast(word("deleted"), () => { act("restore", argument); open(argument); });
      if (argument === state.conversation) open("");
    },
    archive({ argument }) {
      const gone = pendingUndo.archive;
      if (gone) toast(word("archived_done"), () => act("archive", argument, ""));
    },
    delete_message({ argument, from }) {
      toast(word("message_deleted"), () => { act("restore_message", argument, from); if (from !== state.conversation) open(from); });
    },
    each({ argument, value, ids, done }) {
      const missing = ids.length - done, text = word("done_to", { n: done }) + (missing ? ` ${word("done_not", { n: missing })}` : "");
      const back = { delete: "restore", archive: value ? "archive" : "" }[argument];
      if (back || missing) toast(text, back && done ? () => act("each", back, { ids, value: "" }) : null);
      if (argument === "delete" && ids.includes(state.conversation)) open("");
    },
    rename_folder({ argument, moved, name }) { if (!name) toast(word("folder_dissolved"), () => act("move_all", argument, moved)); },
    delete_prompt({ argument }) { if (pendingUndo.prompt) toast(word("prompt_deleted"), () => { pendingUndo.prompt = false; act("delete_prompt", argument, "undo"); }); },
    save_prompt({ argument, persona }) {
      toast(word("prompt_saved"));
      if (persona && (!argument || argument === panel.persona)) act("persona", persona);
    },
    context() { playgroundComposer.changed(); },
  };
  const pendingUndo = {};

  function draft(text) {
    stored("sessionStorage", draftKey(), text);
    playgroundComposer.changed();
  }

  // A button that vanishes takes the focus with it; what is typed next belongs into the box.
  function focusBox() {
    if (document.activeElement === document.body) document.querySelector("#pg-message textarea")?.focus();
  }

  function setMessage(text) {
    const box = document.querySelector("#pg-message textarea");
    if (!box || box.value === text) return;
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // ---- navigation --------------------------------------------------------------------------------------------------
  function open(id, push = true, at = "") {
    show(id, push, at);
    act("open");
    setMessage(stored("sessionStorage", draftKey()) || "");
    document.querySelector("#pg-message textarea")?.focus();
  }

  function show(id, push = true, at = "") {
    if (push && id !== state.conversation) history.pushState(null, "", id ? `?c=${id}` : location.pathname);
    const same = id === state.conversation;
    Object.assign(state, { conversation: id, leaf: null, viewed: false, at });
    sought = at;
    held = null;
    setPanel(null, null);
    refills = 0;
    playgroundComposer.opened();
    playgroundDetails.opened(same);
    rate = "";
    setStreaming(false);
    showProgress("");
    $("pg-items").replaceChildren();
    $("pg-empty").hidden = Boolean(id);
    earlier(0);
    $("pg-later").hidden = $("pg-latest").hidden = true;
    notice("", "command");
    notice("", "branch");
    drawer(false);
    if (!id) document.title = "Playground";
    markOpen();
    connect();
  }

  function translate(root) {
    for (const node of root.querySelectorAll("[data-t]")) {
      if (node.dataset.copy) { node.setAttribute("aria-label", word(node.dataset.t)); node.title = word(node.dataset.t); }
      node.textContent = word(node.dataset.t);
    }
    for (const node of root.querySelectorAll("[data-label]")) {
      node.setAttribute("aria-label", word(node.dataset.label));
      if (node.matches("button")) node.title = word(node.dataset.label);
    }
    for (const node of root.querySelectorAll("[data-title]")) node.title = word(node.dataset.title);
    for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = word(node.dataset.placeholder);
    for (const node of root.querySelectorAll("time")) {
      if (node.dateTime) node.textContent = new Date(node.dateTime).toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
    }
  }

  async function copy(node, text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return notice(word("copy_failed"), "command"); // Browsers allow it on this machine or over HTTPS only.
    }
    toast(word("copied"));
    node.focus();
  }

  // The list on a narrow screen; says whether that changed anything.
  function drawer(open) {
    const was = document.body.classList.contains("drawer");
    document.body.classList.toggle("drawer", open);
    $("pg-drawer").setAttribute("aria-expanded", String(open));
    return was !== open;
  }

  async function clicked(event) {
    if (!event.target.closest("#pg-side, #ps-side, #pt-side, #pn-side, #pg-drawer")) drawer(false);
    const link = event.target.closest("a[data-open]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); open(link.dataset.open); return; }
    const node = event.target.closest("button");
    if (!node) return;
    if (node.dataset.copy) return copy(node, node.closest(".code").querySelector("code").textContent);
    if (node.id === "pg-earlier") return showEarlier();
    if (node.id === "pg-later") { state.at = ""; $("pg-items").replaceChildren(); return connect(); }
    if (node.id === "pg-latest") return toBottom();
    if (node.id === "pg-drawer") return drawer(!document.body.classList.contains("drawer"));
    if (node.id === "pg-theme") {
      const dark = document.body.classList.toggle("dark");
      return stored("localStorage", "playground-theme", dark ? "dark" : "light");
    }
    if (node.id === "pg-language") {
      document.cookie = `${PLAYGROUND.cookie}=${language === "zh" ? "en" : "zh"}; path=/; max-age=31536000; samesite=strict`;
      return location.reload();
    }
    const { action, argument } = node.dataset;
    if (action === "older") { listed += 100; return connect(); }
    if (action === "previous" || action === "next") return argument ? walk(node, action, argument) : undefined;
    if (action === "copy") {
      const message = await ask(`page/text/${argument}`);
      return message.error ? notice(message.error, "command") : copy(node, message.text);
    }
    for (const part of [playgroundSummaries, playgroundTranslate, playgroundTune, playgroundSide, playgroundSelect, playgroundMessages, playgroundComposer, playgroundDetails]) if (part.click(node, action || node.dataset.do, argument)) return;
    if (action) act(action, argument);
  }

  function keydown(event) {
    const box = event.target.closest?.("#pg-message textarea");
    if (event.key === "Enter" && box) {
      // Enter that ends a Chinese or Japanese composition belongs to the input method; it must not send.
      if (event.isComposing || event.keyCode === 229) event.stopImmediatePropagation();
      else if (!event.shiftKey) entered = pressed(box.value);
    }
    if (event.key === "Escape" && drawer(false)) return;
    playgroundKeys.down(event);
  }

  // Browsers write what stands in text boxes to the disk, to fill them in after a restart, where it is not forbidden.
  const unremembered = (box) => { if (!box.hasAttribute("autocomplete")) box.autocomplete = "off"; };
  document.addEventListener("focusin", ({ target }) => { if (target.matches("input, textarea")) unremembered(target); });

  // ---- start -------------------------------------------------------------------------------------------------------
  function start() {
    wait.disconnect();
    translate(document);
    document.querySelectorAll("input, textarea").forEach(unremembered);
    const theme = stored("localStorage", "playground-theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    document.body.classList.toggle("dark", theme === "dark");
    document.addEventListener("click", clicked);
    document.addEventListener("click", (event) => {
      if (event.target.closest("#pg-send")) entered = pressed(document.querySelector("#pg-message textarea").value);
    }, true);
    document.addEventListener("keydown", keydown, true);
    addEventListener("popstate", () => {
      const asked = new URLSearchParams(location.search);
      if (!asked.has("s") && !asked.has("t")) open(asked.get("c") || "", false); // Else it is about another room.
    });
    // A hidden tab lets go of its connection, because a browser allows only six to one server.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) { stream?.close(); stream = null; } else if (!stream) connect();
    });
    setInterval(tick, 1000);
    show(state.conversation, false);
    if (state.conversation) act("open");
    else setPanel("", null);
    if (PLAYGROUND.damaged) notice(word("damaged", { file: PLAYGROUND.damaged }), "start");
    if (!document.querySelector("#pg-message textarea").value) setMessage(stored("sessionStorage", draftKey()) || "");
    $("pg-log").addEventListener("scroll", atEnd, { passive: true });
    for (const part of [playgroundReach, playgroundModels, playgroundSummaries, playgroundTranslate, playgroundTune, playgroundSide, playgroundSelect, playgroundComposer, playgroundDetails]) part.start();
    document.removeEventListener("click", early, true);
    pressedEarly?.click();
  }

  // Gradio draws the page some time after this script has run; what is pressed meanwhile is pressed then.
  let pressedEarly = null;
  const early = (event) => { pressedEarly = event.target.closest("[data-do], [data-action]"); };
  document.addEventListener("click", early, true);
  const needed = ["#pg-log", "#pg-list", "#pg-meter", "#pg-info", "#pg-settings", "#pg-status", "#pg-act", "#pg-message textarea"];
  const wait = new MutationObserver(() => { if (needed.every((part) => document.querySelector(part))) start(); });
  wait.observe(document, { childList: true, subtree: true });

  return {
    message, take, act, press, open, sent, done, failed, draft, word, ask, translate, state, panel, stored, notice, forget, toast, button,
    setMessage, focusBox, copy, drawer, pendingUndo, caughtUp,
  };
})();
