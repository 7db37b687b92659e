// The Summarize tab's script: which summary is shown, the form, files on their way, the list. It decides nothing.
// What one does with a summary that is there is in summary_runs.js.
"use strict";

const playgroundSummaries = (() => {
  const { word, ask, stored } = playground;
  const $ = (id) => document.getElementById(id);
  const asked = () => new URLSearchParams(location.search).get("s"); // null: the address is not about summaries.
  const state = { run: asked() || "", status: "", title: "", listed: 100 };
  let stream = null, again = 0, known = {}, hide = 0;

  const visible = () => Boolean($("ps-root")?.offsetParent) && !document.hidden;
  // Gradio also keeps hidden buttons, to measure their width.
  const tab = (name) => [...document.querySelectorAll("#pg-tabs button:not([tabindex='-1'])")].find((one) => one.textContent.trim() === word(`tab.${name}`));

  // ---- watching ------------------------------------------------------------------------------------------------------
  function connect() {
    stream?.close();
    stream = null;
    clearTimeout(again);
    if (!visible()) return;
    stream = new EventSource(`page/summaries/live?s=${encodeURIComponent(state.run)}&listed=${state.listed}`);
    const on = (name, handler) => stream.addEventListener(name, (event) => handler(JSON.parse(event.data)));
    stream.onopen = () => { $("ps-offline").textContent = ""; };
    stream.onerror = () => {
      $("ps-offline").textContent = word("offline");
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
    const before = state.status, draft = status === "draft";
    Object.assign(state, { status, title });
    Object.assign(known, sections);
    $("ps-form").hidden = !draft;
    $("ps-run").hidden = draft;
    $("ps-run").dataset.status = status;
    // The frame of the notes first, then what stands in it.
    const boxes = Object.keys(sections);
    if ("ps-notes" in sections) paint("ps-notes", sections["ps-notes"]);
    for (const box of boxes) if (box !== "ps-notes") paint(box, sections[box]);
    if ("ps-notes" in sections) for (const box of Object.keys(known)) if (box.startsWith("ps-note-")) paint(box, known[box]);
    // The summary gets the first look.
    if (before !== status && status === "complete") $("ps-notes").querySelector("details")?.removeAttribute("open");
  }

  // ---- which one is shown -----------------------------------------------------------------------------------------------
  function open(run, push = true) {
    if (push && run !== state.run) history.pushState(null, "", `?s=${run}`);
    Object.assign(state, { run, status: "", title: "" });
    known = {};
    playgroundRuns.opened();
    $("ps-form").hidden = Boolean(run);
    $("ps-run").hidden = true;
    for (const box of ["ps-head", "ps-map", "ps-progress", "ps-text", "ps-receipt", "ps-notes", "ps-draft"]) $(box).replaceChildren();
    say("");
    stored("sessionStorage", "summary", run);
    playground.drawer(false);
    connect();
  }

  // What a reload shows is what is seen now.
  function turned() {
    const chosen = document.querySelector("#pg-tabs [role=tab][aria-selected=true]")?.dataset.tabId;
    if (chosen === "summaries" && $("ps-root")?.dataset.drawn) history.replaceState(null, "", `?s=${state.run}`);
    else if (chosen === "chat") history.replaceState(null, "", playground.state.conversation ? `?c=${playground.state.conversation}` : location.pathname);
    connect();
  }

  function travelled() {
    const run = asked();
    if (run === null) { if (visible()) tab("chat")?.click(); return; }
    playground.drawer(false);
    if (!visible()) tab("summaries")?.click();
    if ($("ps-root") && run !== state.run) open(run, false); // Else it is opened when Gradio has drawn it.
  }

  // ---- the form ------------------------------------------------------------------------------------------------------------
  const form = () => $("ps-form");
  const values = () => Object.fromEntries([...new FormData(form())].map(([name, value]) => [name, String(value)]));

  function keep() {
    stored("sessionStorage", "summary-form", JSON.stringify(values()));
    $("ps-own").hidden = form().elements.style.value !== "own";
  }

  function refill() {
    let kept = {};
    try { kept = JSON.parse(stored("sessionStorage", "summary-form") || "{}"); } catch { /* An older version's. */ }
    for (const [name, value] of Object.entries(kept)) if (form().elements[name]) form().elements[name].value = value;
    $("ps-own").hidden = form().elements.style.value !== "own";
  }

  // Files on their way, and those that could not be taken, with the reason.
  let coming = [];
  let sending = Promise.resolve();

  function attach(files) {
    error("");
    // One after the other: they belong to the same draft, and stand in it in this order.
    for (const file of files) {
      const one = { name: file.name, percent: 0, off: false, error: "" };
      coming.push(one);
      sending = sending.then(() => upload(file, one)).finally(() => { if (!one.error) drop(one); drawComing(); });
    }
    drawComing();
  }

  // Most reasons name the file already, with blanks that do not break.
  const named = ({ name, error }) => (error.replace(/\s/g, " ").includes(name) ? error : `${name}: ${error}`);
  const drop = (one) => { coming = coming.filter((other) => other !== one); };

  function drawComing() {
    $("ps-coming").replaceChildren(...coming.map((one) => {
      const line = document.createElement("li"), said = document.createElement("span");
      said.textContent = one.error ? named(one) : word(one.percent === 100 ? "s.reading_file" : "s.uploading", one);
      if (one.error) { said.className = "error"; said.setAttribute("role", "alert"); }
      const off = playground.button("×", () => { one.off = true; one.request?.abort(); drop(one); drawComing(); });
      off.setAttribute("aria-label", word("s.remove", one));
      line.append(said, off);
      return line;
    }));
  }

  function upload(file, one) {
    if (one.off) return Promise.resolve();
    const run = state.status === "draft" ? state.run : "";
    return new Promise((resolve) => {
      const request = (one.request = new XMLHttpRequest());
      const end = (answer) => {
        one.error = answer.error || "";
        if (!one.error && answer.run !== state.run) open(answer.run);
        if (!one.error) state.status = "draft"; // The next file may be on its way before the stream says so.
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
    const button = form().querySelector("[type=submit]"), failed = coming.filter((one) => one.error).length;
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    error("");
    await sending;
    // What failed before was seen, and is left out; what fails while one waits was not.
    const unseen = coming.filter((one) => one.error).length > failed;
    const answer = unseen ? { error: word("s.file_failed") } : await send("start", values());
    button.removeAttribute("aria-busy");
    if (answer.error) return error(answer.error);
    form().elements.text.value = "";
    coming = [];
    drawComing();
    keep();
    open(answer.run);
  }

  const send = (action, more = {}, run = state.run) => ask("page/summaries/act", { action, run, ...more });

  async function take(position) {
    const answer = await send("remove", { position });
    if (answer.error) error(answer.error);
    else if (answer.run !== state.run) open(answer.run);
  }

  // ---- the list ------------------------------------------------------------------------------------------------------------
  function menu(button, run) {
    const title = document.querySelector(`#ps-list a[data-run="${run}"]`)?.dataset.title || "";
    playgroundMenus.menu(button, [
      [word("rename"), () => playgroundMenus.form(word("rename"), [{ name: "title", label: word("rename_prompt"), value: title }], word("ok"), async ({ title }) => (await send("rename", { title }, run)).error || "")],
      [word("delete"), () => remove(run), { danger: true }],
    ]);
  }

  async function remove(run) {
    const answer = await send("delete", {}, run);
    if (answer.error) return say(answer.error, true);
    if (run === state.run) open("");
    say(word("deleted"), false, playground.button(word("undo"), () => restore(run)));
  }

  async function restore(run) {
    const answer = await send("restore", {}, run);
    if (answer.error) say(answer.error, true);
    else open(run);
  }

  async function purge(run) {
    const answer = await send("purge", {}, run);
    say(answer.error || "", true);
  }

  // What happened, below, where it passes unless there is something to do; what went wrong, above the summary.
  function say(text, wrong = false, action = null) {
    clearTimeout(hide);
    $("ps-said").textContent = wrong ? text : "";
    $("ps-toast").textContent = wrong ? "" : text;
    if (action) $("ps-toast").append(" ", action);
    else hide = setTimeout(() => { $("ps-toast").textContent = ""; }, 10_000);
  }

  // ---- events ------------------------------------------------------------------------------------------------------------------
  function click(node, action, argument) {
    if (!node.closest("#ps-root")) return false;
    if (node.id === "ps-new") open("");
    else if (node.id === "ps-choose") $("ps-file").click();
    else if (action === "s_menu") menu(node, argument);
    else if (action === "s_restore") restore(argument);
    else if (action === "s_purge") playgroundMenus.menu(node, [[word("s.delete_forever"), () => purge(argument), { danger: true }]]);
    else if (action === "s_older") { state.listed += 100; connect(); }
    else if (action === "s_remove") take(Number(argument));
    else playgroundRuns.click(node, action);
    return true;
  }

  function clicked(event) {
    const link = event.target.closest?.("a[data-run]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.dataset.run !== asked()) history.pushState(null, "", `?s=${link.dataset.run}`);
    travelled();
  }

  function appear() {
    const root = $("ps-root");
    if (!root || root.dataset.drawn) return;
    root.dataset.drawn = "1";
    playground.translate(root);
    const own = /^zh/.test(navigator.language) ? "zh" : "en";
    for (const one of root.querySelectorAll("option[data-en]")) one.textContent = one.dataset[own];
    form().addEventListener("submit", start);
    form().addEventListener("input", keep);
    $("ps-file").addEventListener("change", () => { attach([...$("ps-file").files]); $("ps-file").value = ""; });
    const carries = (event) => event.dataTransfer?.types.includes("Files");
    root.addEventListener("dragover", (event) => { if (carries(event)) { event.preventDefault(); root.classList.add("over"); } });
    root.addEventListener("dragleave", (event) => { if (!root.contains(event.relatedTarget)) root.classList.remove("over"); });
    root.addEventListener("drop", (event) => {
      if (!carries(event)) return; // A piece of text goes into the box that it was dropped on.
      event.preventDefault();
      root.classList.remove("over");
      if (!$("ps-run").hidden) open("");
      attach([...event.dataTransfer.files]);
    });
    refill();
    open(asked() ?? (stored("sessionStorage", "summary") || ""), false);
    if (visible()) turned();
  }

  function begin() {
    document.addEventListener("click", clicked);
    document.addEventListener("visibilitychange", () => { if (document.hidden) { stream?.close(); stream = null; } else connect(); });
    addEventListener("popstate", travelled);
    new MutationObserver(appear).observe($("pg-tabs"), { childList: true, subtree: true });
    new MutationObserver(turned).observe($("pg-tabs"), { subtree: true, attributeFilter: ["aria-selected"] });
    playgroundRuns.start();
    appear();
    if (asked() !== null) tab("summaries")?.click();
  }

  return { click, start: begin, state, open, send, say, tab, visible };
})();
