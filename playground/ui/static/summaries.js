// The Summarize tab's script: which summary is shown, the form, files on their way, the list. It decides nothing.
// What one does with a summary that is there is in summary_runs.js.
"use strict";

const playgroundSummaries = (() => {
  const { word, ask, stored } = playground;
  const $ = (id) => document.getElementById(id);
  const asked = () => new URLSearchParams(location.search).get("s"); // null: the address is not about summaries.
  const state = { run: asked() || "", status: "", title: "", listed: 100 };
  let stream = null, again = 0, known = {};

  const visible = () => Boolean($("ps-root")?.offsetParent) && !document.hidden;
  const { tab } = playgroundRooms;
  const say = playgroundRooms.teller("ps-said", "ps-toast");

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
    if (run === null) { if (visible() && !playgroundRooms.elsewhere("t", "f")) tab("chat")?.click(); return; }
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
    // Nothing that counts is out of sight.
    const { mode, pages, seed } = form().elements;
    if (pages.value || seed.value !== "0" || mode.value !== "map_reduce") form().querySelector("details").open = true;
  }

  const uploads = playgroundRooms.uploads(
    "ps-coming",
    (name) => `page/summaries/attach?name=${name}&s=${state.status === "draft" ? state.run : ""}`,
    ({ run }) => {
      if (run !== state.run) open(run);
      state.status = "draft"; // The next file may be on its way before the stream says so.
    },
  );

  function attach(files) {
    error("");
    uploads.add(files);
  }

  function error(text) {
    $("ps-error").textContent = text;
  }

  async function start(event) {
    event.preventDefault();
    const button = form().querySelector("[type=submit]"), failed = uploads.failed();
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    error("");
    await uploads.sent();
    // What failed before was seen, and is left out; what fails while one waits was not.
    const unseen = uploads.failed() > failed;
    const answer = unseen ? { error: word("s.file_failed") } : await send("start", values());
    button.removeAttribute("aria-busy");
    if (answer.error) return error(answer.error);
    for (const name of ["text", "pages"]) form().elements[name].value = ""; // They are about these documents.
    uploads.clear();
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
  const { menu, restore, purge } = playgroundRooms.listed("ps-list", "data-run", { state, open: (run) => open(run), send: (...all) => send(...all), say: (...all) => say(...all) });

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

  function appear() {
    const root = $("ps-root");
    if (!root || root.dataset.drawn) return;
    root.dataset.drawn = "1";
    playground.translate(root);
    const own = /^zh/.test(navigator.language) ? "zh" : "en";
    for (const one of root.querySelectorAll("option[data-en]")) one.textContent = one.dataset[own];
    form().addEventListener("submit", start);
    form().addEventListener("input", keep);
    playgroundRooms.picks($("ps-file"), attach);
    playgroundRooms.drops(root, (files) => {
      if (!$("ps-run").hidden) open("");
      attach(files);
    });
    refill();
    open(asked() ?? (stored("sessionStorage", "summary") || ""), false);
    if (visible()) turned();
  }

  function begin() {
    playgroundRuns.start();
    const hidden = () => { stream?.close(); stream = null; };
    playgroundRooms.listens({ name: "summaries", attribute: "data-run", letter: "s", asked, travelled, hidden, connect, appear, turned });
  }

  return { click, start: begin, state, open, send, say, tab, visible };
})();
