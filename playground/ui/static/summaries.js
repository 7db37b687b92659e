// The Summarize tab's script: files in, commands out, and what the stream says put in place. It decides nothing.
"use strict";

const playgroundSummaries = (() => {
  const { word, ask, stored } = playground;
  const $ = (id) => document.getElementById(id);
  const state = { run: new URLSearchParams(location.search).get("s") || "", status: "", title: "", listed: 100 };
  let stream = null, again = 0, known = {}, passage = null, other = "";

  const visible = () => Boolean($("ps-root")?.offsetParent) && !document.hidden;

  // ---- watching ------------------------------------------------------------------------------------------------------
  function connect() {
    stream?.close();
    stream = null;
    clearTimeout(again);
    if (!visible()) return;
    stream = new EventSource(`page/summaries/live?s=${encodeURIComponent(state.run)}&listed=${state.listed}`);
    const on = (name, handler) => stream.addEventListener(name, (event) => handler(JSON.parse(event.data)));
    stream.onopen = () => say("");
    stream.onerror = () => {
      say(word("offline"));
      if (stream?.readyState === EventSource.CLOSED) again = setTimeout(connect, 1000);
    };
    on("list", ({ html }) => { paint("ps-list", html); });
    on("run", show);
    on("gone", () => { open(""); say(word("s.gone")); });
  }

  function paint(id, html) {
    const box = $(id);
    if (!box) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    playgroundModels.merge(box, fresh.content);
  }

  function show({ id, title, status, sections }) {
    if (id !== state.run) return;
    const before = state.status;
    Object.assign(state, { status, title });
    Object.assign(known, sections);
    const draft = status === "draft";
    $("ps-form").hidden = !draft;
    $("ps-run").hidden = draft;
    $("ps-run").dataset.status = status;
    // The frame of the notes first, then what stands in it.
    for (const box of ["ps-notes", ...Object.keys(sections).filter((one) => one !== "ps-notes")]) {
      if (box === "ps-notes" && !(box in sections)) continue;
      paint(box, sections[box]);
    }
    if ("ps-notes" in sections) for (const box of Object.keys(known)) if (box.startsWith("ps-note-") && $(box)) paint(box, known[box]);
    if (before && before !== status && status === "complete") $("ps-text").focus?.();
    tools();
  }

  function tools() {
    const done = state.status === "complete";
    for (const button of $("ps-tools").querySelectorAll("button")) button.hidden = !(done || button.dataset.do === "again");
  }

  // ---- which one is shown -----------------------------------------------------------------------------------------------
  function open(run, push = true) {
    if (push && run !== state.run) history.pushState(null, "", run ? `?s=${run}` : location.pathname);
    Object.assign(state, { run, status: "", title: "" });
    known = {};
    endComparison();
    closeSource();
    $("ps-form").hidden = Boolean(run);
    $("ps-run").hidden = true;
    for (const box of ["ps-head", "ps-map", "ps-progress", "ps-text", "ps-receipt", "ps-notes", "ps-draft"]) $(box).replaceChildren();
    say("");
    stored("sessionStorage", "summary", run);
    connect();
  }

  // ---- the form ------------------------------------------------------------------------------------------------------------
  const form = () => $("ps-form");
  const values = () => Object.fromEntries([...new FormData(form())].map(([name, value]) => [name, String(value)]));

  function keep() {
    stored("sessionStorage", "summary-form", JSON.stringify(values()));
    $("ps-own").hidden = form().elements.style.value !== "own";
  }

  function refill(given) {
    let kept = given;
    try { kept ||= JSON.parse(stored("sessionStorage", "summary-form") || "{}"); } catch { kept = {}; }
    for (const [name, value] of Object.entries(kept)) if (form().elements[name]) form().elements[name].value = value;
    $("ps-own").hidden = form().elements.style.value !== "own";
  }

  const coming = [];
  let sending = Promise.resolve();

  function attach(files) {
    // One after the other: they belong to the same draft, and stand in it in this order.
    for (const file of files) {
      const one = { name: file.name, percent: 0, off: false };
      coming.push(one);
      sending = sending.then(() => upload(file, one)).finally(() => { coming.splice(coming.indexOf(one), 1); drawComing(); });
    }
    drawComing();
  }

  function drawComing() {
    $("ps-coming").replaceChildren(...coming.map((one) => {
      const line = document.createElement("li");
      line.textContent = word(one.percent === 100 ? "s.reading_file" : "s.uploading", { name: one.name, percent: one.percent });
      line.append(playground.button("×", () => { one.off = true; one.request?.abort(); }));
      return line;
    }));
  }

  function upload(file, one) {
    if (one.off) return Promise.resolve();
    const run = state.status === "draft" || !state.run ? state.run : "";
    return new Promise((resolve) => {
      const request = (one.request = new XMLHttpRequest());
      const end = (answer) => {
        if (answer.error) error(`${file.name}: ${answer.error}`);
        else if (answer.run !== state.run) open(answer.run);
        resolve();
      };
      request.upload.onprogress = (event) => { one.percent = event.total ? Math.round((100 * event.loaded) / event.total) : 0; drawComing(); };
      request.onload = () => { try { end(JSON.parse(request.responseText)); } catch { end({ error: word("failed") }); } };
      request.onerror = () => end({ error: word("offline") });
      request.onabort = resolve;
      request.open("POST", `page/summaries/attach?name=${encodeURIComponent(file.name)}&s=${run}`);
      request.send(file);
    });
  }

  function error(text) {
    $("ps-error").textContent = text;
  }

  async function start(event) {
    event.preventDefault();
    const button = form().querySelector("[type=submit]");
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    error("");
    await sending;
    const answer = await send("start", values());
    button.removeAttribute("aria-busy");
    if (answer.error) return error(answer.error);
    form().elements.text.value = "";
    keep();
    open(answer.run);
  }

  const send = (action, more = {}, run = state.run) => ask("page/summaries/act", { action, run, ...more });

  // ---- sources --------------------------------------------------------------------------------------------------------------
  async function source(run, place, title = "", wide = 1) {
    passage = { run, place, title };
    const { document: number, start, end } = place;
    const answer = await ask(`page/summaries/source?s=${run}&document=${number}&start=${start}&end=${end}&wide=${wide}`);
    const box = $("ps-source");
    box.hidden = false;
    document.body.classList.add("ps-reading");
    box.querySelector("b").textContent = answer.name || "";
    box.querySelector("header span").textContent = title;
    const body = $("ps-passages");
    if (answer.error) body.textContent = answer.error;
    else body.innerHTML = answer.html;
    body.querySelector("mark")?.scrollIntoView({ block: "center" });
  }

  function closeSource() {
    $("ps-source").hidden = true;
    document.body.classList.remove("ps-reading");
    for (const one of document.querySelectorAll(".ps-s.open")) one.classList.remove("open");
  }

  // A sentence leads to its passages, one after the other each time that it is pressed.
  function press(node) {
    const column = node.closest("[data-run]") || $("ps-text"), run = column.dataset.run || state.run;
    const links = JSON.parse(node.dataset.links || "[]");
    if (!links.length) return;
    const at = node.classList.contains("open") ? (Number(node.dataset.at || 0) + 1) % links.length : 0;
    for (const one of document.querySelectorAll(".ps-s.open")) one.classList.remove("open");
    for (const one of column.querySelectorAll(`.ps-s[data-n="${node.dataset.n}"]`)) { one.classList.add("open"); one.dataset.at = at; }
    const title = [word("s.passage", { n: at + 1, of: links.length }), links[at].strong ? "" : word("s.near")].filter(Boolean).join(" – ");
    source(run, links[at], title);
  }

  // ---- what one does with a summary ---------------------------------------------------------------------------------------------
  async function command(action, button) {
    if (action === "copy") { const { text } = await ask(`page/summaries/text?s=${state.run}`); return playground.copy(button, text); }
    if (action === "export") return playgroundMenus.menu(button, [["Markdown", () => save("markdown")], ["Word (DOCX)", () => save("docx")], ["JSON", () => save("json")]]);
    if (action === "compare") return compare(button);
    if (action === "again") {
      const { options } = await ask(`page/summaries/text?s=${state.run}`);
      return change(options);
    }
    button.setAttribute("aria-busy", "true");
    const answer = action === "ask" ? await ask(`page/summaries/ask?s=${state.run}`, {}) : await send(action);
    button.removeAttribute("aria-busy");
    say(answer.error || "");
    if (answer.conversation) { tab("tab.chat").click(); playground.open(answer.conversation); }
  }

  function save(format) {
    const link = Object.assign(document.createElement("a"), { href: `page/summaries/export?s=${state.run}&format=${format}`, download: "" });
    document.body.append(link);
    link.click();
    link.remove();
  }

  // The same documents with other settings: what need not be read again is not.
  async function change(options) {
    const field = (name) => ({ name, kind: "select", value: options[name] || "", options: [...form().elements[name].options].map((one) => [one.value, one.textContent]) });
    const length = options.words ? String(options.words) : options.share ? `${options.share * 100} %` : "";
    const found = await playgroundMenus.form(word("s.again"), [
      { ...field("style"), label: word("s.style") },
      { name: "instruction", kind: "textarea", label: word("s.instruction"), value: options.instruction },
      { name: "length", label: word("s.length"), value: length, hint: word("s.length_hint") },
      { ...field("language"), label: word("s.language") },
      { name: "audience", label: word("s.audience"), value: options.audience },
      { ...field("mode"), label: word("s.mode") },
    ], word("s.start"), async (values) => {
      const answer = await send("again", { ...values, seed: options.seed });
      if (!answer.error) open(answer.run);
      return answer.error || "";
    });
    return found;
  }

  function compare(button) {
    if (other) return endComparison();
    const others = [...document.querySelectorAll("#ps-list a[data-run]")].filter((one) => one.dataset.run !== state.run);
    const items = others.map((one) => [one.title, () => beside(one.dataset.run)]);
    playgroundMenus.menu(button, items.length ? items : [[word("s.compare_none"), () => {}]]);
  }

  async function beside(run) {
    const answer = await ask(`page/summaries/shown?s=${run}`);
    if (answer.error) return say(answer.error);
    other = run;
    $("ps-other").dataset.run = run;
    $("ps-other").innerHTML = answer.html;
    $("ps-other").hidden = false;
    $("ps-run").classList.add("pair");
    $("ps-tools").querySelector("[data-do=compare]").textContent = word("s.compare_end");
  }

  function endComparison() {
    other = "";
    $("ps-other").hidden = true;
    $("ps-run").classList.remove("pair");
    $("ps-tools").querySelector("[data-do=compare]").textContent = word("s.compare");
  }

  function menu(button, run) {
    const title = document.querySelector(`#ps-list a[data-run="${run}"]`)?.title || "";
    playgroundMenus.menu(button, [
      [word("rename"), () => playgroundMenus.form(word("rename"), [{ name: "title", label: word("rename_prompt"), value: title }], word("ok"), async ({ title }) => (await send("rename", { title }, run)).error || "")],
      [word("delete"), () => remove(run), { danger: true }],
    ]);
  }

  async function remove(run) {
    const answer = await send("delete", {}, run);
    if (answer.error) return say(answer.error);
    if (run === state.run) open("");
    toast(word("deleted"), word("undo"), async () => { await send("restore", {}, run); open(run); });
  }

  function toast(text, label, work) {
    const box = $("ps-said");
    box.textContent = text;
    box.className = "hint";
    box.append(" ", playground.button(label, () => { say(""); work(); }));
    $("ps-toast").replaceChildren(...box.childNodes);
    box.className = "error";
  }

  function say(text) {
    for (const id of ["ps-said", "ps-toast"]) if ($(id)) $(id).textContent = text;
  }

  // ---- events ------------------------------------------------------------------------------------------------------------------
  function click(node, action, argument) {
    if (!node.closest("#ps-root")) return false;
    if (node.id === "ps-new") open("");
    else if (node.id === "ps-choose") $("ps-file").click();
    else if (action === "s_menu") menu(node, argument);
    else if (action === "s_restore") send("restore", {}, argument).then(() => open(argument));
    else if (action === "s_remove") send("remove", { position: Number(argument) });
    else if (action === "s_close") closeSource();
    else if (node.dataset.wide) source(passage.run, passage.place, passage.title, Number(node.dataset.wide));
    else if (node.classList.contains("ps-cell")) {
      const { document: number, start, end, part } = node.dataset;
      source(state.run, { document: number, start, end }, word("s.part", { n: Number(part) + 1 }));
    } else if (node.dataset.do && node.type !== "submit") command(node.dataset.do, node);
    return true;
  }

  function clicked(event) {
    const link = event.target.closest?.("#ps-root a[data-run], #ps-root a[data-jump]");
    if (link?.dataset.run && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); open(link.dataset.run); return; }
    if (link?.dataset.jump) { event.preventDefault(); $(`ps-mark-${link.dataset.jump}`)?.scrollIntoView({ block: "center" }); $(`ps-mark-${link.dataset.jump}`)?.closest(".ps-s")?.focus(); return; }
    const sentence = event.target.closest?.(".ps-s");
    if (sentence) press(sentence);
    if (event.target.closest?.("#pg-tabs button[role=tab]")) setTimeout(connect, 50);
  }

  function keydown(event) {
    if ((event.key === "Enter" || event.key === " ") && event.target.classList?.contains("ps-s")) { event.preventDefault(); press(event.target); }
    if (event.key === "Escape" && !$("ps-source")?.hidden && event.target.closest?.("#ps-root")) closeSource();
  }

  function appear() {
    const root = $("ps-root");
    if (!root || root.dataset.drawn) return;
    root.dataset.drawn = "1";
    playground.translate(root);
    for (const one of root.querySelectorAll("option[data-en]")) one.textContent = document.documentElement.lang.startsWith("zh") || /^zh/i.test(navigator.language) ? one.dataset.zh : one.dataset.en;
    form().addEventListener("submit", start);
    form().addEventListener("input", keep);
    $("ps-file").addEventListener("change", () => { attach($("ps-file").files); $("ps-file").value = ""; });
    const drop = root;
    drop.addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); root.classList.add("over"); } });
    drop.addEventListener("dragleave", (event) => { if (!root.contains(event.relatedTarget)) root.classList.remove("over"); });
    drop.addEventListener("drop", (event) => { event.preventDefault(); root.classList.remove("over"); if (!$("ps-run").hidden) open(""); attach(event.dataTransfer.files); });
    refill();
    open(state.run || stored("sessionStorage", "summary") || "", false);
  }

  function begin() {
    document.addEventListener("click", clicked);
    document.addEventListener("keydown", keydown);
    document.addEventListener("visibilitychange", () => { if (document.hidden) { stream?.close(); stream = null; } else connect(); });
    addEventListener("popstate", () => { const run = new URLSearchParams(location.search).get("s") || ""; if ($("ps-root") && run !== state.run) open(run, false); });
    new MutationObserver(appear).observe(document.getElementById("pg-tabs"), { childList: true, subtree: true });
    appear();
    if (state.run) tab("tab.summaries")?.click();
  }

  const tab = (name) => [...document.querySelectorAll("#pg-tabs button")].find((one) => one.textContent.trim() === word(name));

  return { click, start: begin };
})();
