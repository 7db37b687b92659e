// The Fine-tune tab's script: which training is shown, the list, data on its way in. It decides nothing.
// Samples and the form of a draft are in tune_draft.js, a training that has begun is shown by tune_run.js.
"use strict";

const playgroundTune = (() => {
  const { word, ask, stored } = playground;
  const { tab, uploads: uploader, teller, picks, drops, elsewhere, listed } = playgroundRooms;
  const $ = (id) => document.getElementById(id);
  const asked = () => new URLSearchParams(location.search).get("f"); // null: the address is not about trainings.
  const state = { run: asked() || "", status: "", title: "", listed: 100, whole: false };
  let stream = null, again = 0;

  const visible = () => Boolean($("pn-root")?.offsetParent) && !document.hidden;
  const say = teller("pn-said", "pn-toast");
  const send = (action, more = {}, run = state.run) => ask("page/tune/act", { action, run, ...more });

  // ---- watching ------------------------------------------------------------------------------------------------------
  function connect() {
    stream?.close();
    stream = null;
    clearTimeout(again);
    if (!visible()) return;
    const more = state.whole ? "&whole=true" : "";
    stream = new EventSource(`page/tune/live?f=${encodeURIComponent(state.run)}&listed=${state.listed}${more}`);
    const on = (name, handler) => stream.addEventListener(name, (event) => handler(JSON.parse(event.data)));
    stream.onopen = () => { $("pn-offline").textContent = ""; };
    stream.onerror = () => {
      $("pn-offline").textContent = word("offline");
      if (stream?.readyState === EventSource.CLOSED) again = setTimeout(connect, 1000);
    };
    on("list", ({ html }) => paint("pn-list", html));
    on("draft", drafted);
    on("run", begun);
    on("gone", () => { open(""); say(word("tune.gone"), true); });
  }

  function paint(id, html) {
    const box = $(id);
    if (!box) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    playgroundModels.merge(box, fresh.content);
  }

  function drafted({ id, title, samples, sections }) {
    if (id !== state.run) return;
    Object.assign(state, { status: "draft", title });
    pane("draft");
    $("pn-title").textContent = title;
    for (const [box, html] of Object.entries(sections)) paint(box, html);
    $("pn-look").hidden = $("pn-how").hidden = !samples;
    settle("pn-title");
    playgroundTuneDraft.changed();
  }

  function begun({ id, title, status, html }) {
    if (id !== state.run) return;
    Object.assign(state, { status, title });
    pane("run");
    $("pn-run").dataset.status = status;
    paint("pn-run", html);
    playground.translate($("pn-run"));
    settle("pr-title");
  }

  // Nothing yet, a draft, or a training that has begun.
  function pane(kind) {
    const held = $("pn-main").contains(document.activeElement);
    $("pn-page").dataset.kind = kind;
    $("pn-page").hidden = kind === "run";
    $("pn-run").hidden = kind !== "run";
    $("pn-start").hidden = $("pn-example").hidden = kind !== "new";
    $("pn-title").hidden = $("pn-data-head").hidden = $("pn-how").hidden = kind !== "draft";
    if (kind !== "draft") $("pn-look").hidden = true;
    if (held && !document.activeElement.offsetParent) park();
    if (kind === "new") settle("pn-choose");
  }

  // The focus of what is not there any more waits in the pane, then goes to the heading of what came for it.
  function park() {
    $("pn-main").dataset.parked = "1";
    $("pn-main").focus({ preventScroll: true });
  }

  function settle(id) {
    const main = $("pn-main");
    if (!main.dataset.parked) return;
    delete main.dataset.parked;
    if (document.activeElement === main) $(id)?.focus({ preventScroll: true });
  }

  // ---- which one is shown ----------------------------------------------------------------------------------------------
  function open(run, push = true) {
    playgroundTuneDraft.leave();
    if (push && run !== state.run) history.pushState(null, "", `?f=${run}`);
    Object.assign(state, { run, status: "", title: "", whole: false });
    pane(run ? "" : "new");
    for (const box of ["pn-files", "pn-sums", "pn-private", "pn-problems", "pn-form", "pn-run"]) $(box).replaceChildren();
    $("pn-main").scrollTop = 0;
    $("pn-own").open = false;
    say("");
    stored("sessionStorage", "training", run);
    playground.drawer(false);
    connect();
  }

  // What a reload shows is what is seen now.
  function turned() {
    const chosen = document.querySelector("#pg-tabs [role=tab][aria-selected=true]")?.dataset.tabId;
    if (chosen === "tune" && $("pn-root")?.dataset.drawn) history.replaceState(null, "", `?f=${state.run}`);
    connect();
  }

  function travelled() {
    const run = asked();
    if (run === null) { if (visible() && !elsewhere("s", "t")) tab("chat")?.click(); return; }
    playground.drawer(false);
    if (!visible()) tab("tune")?.click();
    if ($("pn-root") && run !== state.run) open(run, false); // Else it is opened when Gradio has drawn it.
  }

  // ---- data ------------------------------------------------------------------------------------------------------------
  const uploads = uploader(
    "pn-coming",
    (name) => `page/tune/attach?name=${name}&f=${state.status === "draft" ? state.run : ""}`,
    ({ run }) => {
      if (run !== state.run) open(run);
      state.status = "draft"; // The next file may be on its way before the stream says so.
    },
  );

  async function own() {
    if (!$("pn-own").open) return;
    const answer = await ask("page/tune/own");
    if (answer.error) $("pn-own-forms").textContent = answer.error;
    else paint("pn-own-forms", answer.html);
  }

  async function collect(form, button) {
    await busy(button, async () => {
      const values = { ...Object.fromEntries(new FormData(form)), kind: form.dataset.ownKind };
      const run = state.status === "draft" ? state.run : "";
      const answer = await ask("page/tune/collect", { run, values });
      form.querySelector(".error").textContent = answer.error || "";
      if (answer.error) return;
      $("pn-own").open = false;
      if (answer.run !== state.run) open(answer.run);
      say(word("tune.own.added"));
    });
  }

  async function columns(form) {
    const values = Object.fromEntries(new FormData(form));
    const answer = await send("columns", { position: Number(form.dataset.columns), values });
    form.querySelector(".error").textContent = answer.error || "";
  }

  async function busy(button, work) {
    if (button?.getAttribute("aria-busy") === "true") return;
    button?.setAttribute("aria-busy", "true");
    await work();
    button?.removeAttribute("aria-busy");
  }

  // A command about the draft; what can be taken back says how.
  const command = (action, button, more = {}, done = "", back = null) => busy(button, async () => {
    const answer = await send(action, more);
    if (answer.error) return say(answer.error, true);
    if (answer.run !== state.run) open(answer.run);
    const undo = back && playground.button(word("undo"), () => command(back, undo, more));
    say(done && word(done), false, undo);
  });

  // ---- the list --------------------------------------------------------------------------------------------------------
  const { menu, restore, purge } = listed("pn-list", "data-training", { state, open: (run) => open(run), send: (...all) => send(...all), say: (...all) => say(...all) });

  // ---- events ----------------------------------------------------------------------------------------------------------
  function click(node, action, argument) {
    if (!node.closest("#pn-root")) return false;
    if (node.closest("#pn-run") || node.type === "submit") return true; // tune_run.js; the form's own event.
    if (node.id === "pn-new") { uploads.clear(); open(""); }
    else if (node.id === "pn-choose") $("pn-file").click();
    else if (action === "n_menu") menu(node, argument);
    else if (action === "n_restore") restore(argument);
    else if (action === "n_purge") playgroundMenus.menu(node, [[word("s.delete_forever"), () => purge(argument), { danger: true }]]);
    else if (action === "n_older") { state.listed += 100; connect(); }
    else if (action === "n_remove") command("remove", node, { position: Number(argument) });
    else if (action === "example") command("example", node);
    else if (action === "all_problems") { state.whole = true; connect(); }
    else if (action === "only") command("only", node, { kind: argument });
    else if (action === "hide_private") command("hide_private", node, {}, "tune.hidden");
    else if (action === "undo_private") command("undo_private", node);
    else playgroundTuneDraft.click(node, action, argument);
    return true;
  }

  function submitted(event) {
    const form = event.target;
    if (!form.closest("#pn-root") || form.closest("#pn-run")) return;
    event.preventDefault();
    if (form.dataset.ownKind) collect(form, event.submitter);
    else if (form.dataset.columns) columns(form);
    else playgroundTuneDraft.submitted(form);
  }

  function appear() {
    const root = $("pn-root");
    if (!root || root.dataset.drawn) return;
    root.dataset.drawn = "1";
    playground.translate(root);
    picks($("pn-file"), uploads.add);
    $("pn-own").addEventListener("toggle", own);
    root.addEventListener("submit", submitted);
    drops(root, (files) => {
      if (!$("pn-run").hidden) open("");
      uploads.add(files);
    });
    playgroundTuneDraft.appear();
    open(asked() ?? (stored("sessionStorage", "training") || ""), false);
    if (visible()) turned();
  }

  function begin() {
    const hidden = () => { stream?.close(); stream = null; };
    playgroundRooms.listens({ name: "tune", attribute: "data-training", letter: "f", asked, travelled, hidden, connect, appear, turned });
  }

  return { click, start: begin, state, open, send, say, visible, paint, uploads, busy, command };
})();
