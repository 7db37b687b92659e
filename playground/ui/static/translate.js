// The Translate tab's script: which translation is shown, the list, the choices, documents. It decides nothing.
// Texts are in translate_text.js, the rows of a document in translate_editor.js, memory and terms in translate_memory.js.
"use strict";

const playgroundTranslate = (() => {
  const { word, ask, stored } = playground;
  const { tab, uploads: uploader, teller, picks, drops, elsewhere } = playgroundRooms;
  const $ = (id) => document.getElementById(id);
  const asked = () => new URLSearchParams(location.search).get("t"); // null: the address is not about translations.
  const state = { run: asked() || "", status: "", title: "", listed: 100, files: [], drafted: "", detected: "" };
  const choice = { source: "", target: "", models: {}, glossaries: [], memory: true, formality: "", ...remembered() };
  const chinese = () => /^zh/.test(navigator.language);
  let stream = null, again = 0, ways = { pair: "", ways: [], get: [], made: false }, asking = 0;

  function remembered() {
    try { return JSON.parse(stored("localStorage", "translate") || "{}"); } catch { return {}; }
  }
  const remember = () => stored("localStorage", "translate", JSON.stringify(choice));

  const visible = () => Boolean($("pt-root")?.offsetParent) && !document.hidden;
  const say = teller("pt-said", "pt-toast");

  // ---- watching ------------------------------------------------------------------------------------------------------
  function connect() {
    stream?.close();
    stream = null;
    clearTimeout(again);
    if (!visible()) return;
    stream = new EventSource(`page/translate/live?t=${encodeURIComponent(state.run)}&listed=${state.listed}`);
    const on = (name, handler) => stream.addEventListener(name, (event) => handler(JSON.parse(event.data)));
    stream.onopen = () => { $("pt-offline").textContent = ""; };
    stream.onerror = () => {
      $("pt-offline").textContent = word("offline");
      if (stream?.readyState === EventSource.CLOSED) again = setTimeout(connect, 1000);
    };
    on("list", ({ html }) => { paint("pt-list", html); });
    on("draft", drafted);
    on("run", show);
    on("rows", ({ id, rows }) => { if (id === state.run) playgroundEditor.changed(rows); });
    on("gone", () => { open(""); say(word("t.gone")); });
  }

  function paint(id, html) {
    const box = $(id);
    if (!box) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    playgroundModels.merge(box, fresh.content);
  }

  function drafted({ id, html, source }) {
    if (id !== state.run) return;
    Object.assign(state, { status: "draft", drafted: source });
    $("pt-start").hidden = false;
    $("pt-run").hidden = true;
    paint("pt-draft", html);
    $("pt-begin").hidden = !html;
    pairChanged();
  }

  function show({ id, title, status, counts, files, target, sections }) {
    if (id !== state.run) return;
    const fresh = !state.status || state.status === "draft";
    Object.assign(state, { status, title, files });
    $("pt-start").hidden = true;
    $("pt-run").hidden = false;
    $("pt-run").dataset.status = status;
    for (const [box, html] of Object.entries(sections)) paint(box, html);
    playgroundEditor.counted(counts, target);
    if (fresh) playgroundEditor.load(true);
  }

  // ---- which one is shown ----------------------------------------------------------------------------------------------
  function open(run, push = true) {
    playgroundEditor.opened(); // Rows that are left now are saved as what they are rows of.
    if (push && run !== state.run) history.pushState(null, "", `?t=${run}`);
    Object.assign(state, { run, status: "", title: "", files: [], drafted: "" });
    $("pt-start").hidden = Boolean(run);
    $("pt-run").hidden = true;
    for (const box of ["pt-head", "pt-progress", "pt-draft", "pt-scores"]) $(box).replaceChildren();
    $("pt-begin").hidden = true;
    error("");
    say("");
    stored("sessionStorage", "translation", run);
    playground.drawer(false);
    connect();
    pairChanged();
  }

  // What a reload shows is what is seen now.
  function turned() {
    const chosen = document.querySelector("#pg-tabs [role=tab][aria-selected=true]")?.dataset.tabId;
    if (chosen === "translate" && $("pt-root")?.dataset.drawn) {
      history.replaceState(null, "", `?t=${state.run}`);
      if (visible()) refreshWays(); // Models may have come and gone meanwhile.
    }
    connect();
  }

  function travelled() {
    const run = asked();
    if (run === null) { if (visible() && !elsewhere("s", "f")) tab("chat")?.click(); return; }
    playground.drawer(false);
    if (!visible()) tab("translate")?.click();
    if ($("pt-root") && run !== state.run) open(run, false); // Else it is opened when Gradio has drawn it.
  }

  // ---- the choices -----------------------------------------------------------------------------------------------------
  const detected = () => ($("pt-text")?.value.trim() ? state.detected : state.drafted || state.detected);
  const source = () => choice.source || detected();
  // Until one is chosen: the page's language, or for a text that is in it already another of the reader's.
  const wished = () => [chinese() ? "zh" : "en", ...navigator.languages.map((one) => one.slice(0, 2)), "en", "zh"];
  const target = () => choice.target || wished().find((code) => code !== detected() && own(code) !== code) || "en";
  const pair = () => `${source()}-${target()}`;
  const model = () => choice.models[pair()] || "";
  const way = () => ways.ways.find(([name]) => name === model()) || ways.ways[0];
  const kind = () => (ways.pair === pair() && way() ? way()[2] : "");
  const options = () => ({
    source: choice.source, target: target(), model: model(), glossaries: choice.glossaries, memory: choice.memory,
    formality: kind() === "chat" ? choice.formality : "",
  });
  const own = (code) => [...$("pt-to").options].find((one) => one.value === code)?.textContent || code;

  function pairChanged() {
    if (!$("pt-root")?.dataset.drawn) return;
    $("pt-from").value = choice.source;
    $("pt-from").options[0].textContent = !choice.source && detected() ? word("t.detected", { language: own(detected()) }) : word("t.detect");
    $("pt-to").value = target();
    $("pt-formality").value = choice.formality;
    if (ways.pair !== pair()) refreshWays();
    else drawWays();
  }

  async function refreshWays() {
    const number = ++asking, of = pair(), known = source() && source() !== target();
    const answer = known ? await ask(`page/translate/ways?source=${source()}&target=${target()}`) : { ways: [], get: [], made: false };
    if (number !== asking) return;
    if (answer.error) return say(answer.error, true);
    ways = { ...answer, pair: of };
    drawWays();
    playgroundText.settled();
  }

  function drawWays() {
    const known = source() && source() !== target(), first = ways.ways[0];
    const auto = first ? word("t.auto", { name: first[1] }) : word(known ? "t.no_way" : "t.auto_unknown");
    const chosen = model();
    $("pt-way").replaceChildren(new Option(auto, ""), ...ways.ways.slice(1).map(([name, said]) => new Option(said, name)));
    $("pt-way").value = ways.ways.some(([name], at) => at && name === chosen) ? chosen : "";
    $("pt-get").hidden = !known || !tab("models") || (ways.made && !ways.get.length);
    $("pt-formality").hidden = kind() !== "chat";
    $("pt-bar-said").textContent = !known ? "" : !first ? word("t.no_way_hint") : first[2] === "chat" ? word("t.chat_hint") : "";
    const glossaries = choice.glossaries.length;
    $("pt-glossaries").textContent = glossaries ? word("t.glossaries_on", { n: glossaries }) : word("t.glossaries");
    $("pt-memory").textContent = word(choice.memory ? "t.memory_on" : "t.memory_off");
  }

  function chose(event) {
    const { id, value } = event.target;
    if (id === "pt-from") choice.source = value;
    else if (id === "pt-to") choice.target = value;
    else if (id === "pt-way") choice.models = { ...choice.models, [pair()]: value };
    else if (id === "pt-formality") choice.formality = value;
    else return;
    remember();
    pairChanged();
    playgroundText.typed();
  }

  function change(values) {
    Object.assign(choice, values);
    remember();
    pairChanged();
  }

  function detectedAs(code) {
    if (code === state.detected) return;
    state.detected = code;
    pairChanged();
  }

  function get(button) {
    const models = () => tab("models").click();
    const items = ways.get.map(([title, size]) => [title, models, { hint: size }]);
    playgroundMenus.menu(button, [...items, ...(items.length ? ["-"] : []), [word("t.to_models"), models]]);
  }

  // ---- documents -------------------------------------------------------------------------------------------------------
  const uploads = uploader(
    "pt-coming",
    (name) => `page/translate/attach?name=${name}&t=${state.status === "draft" ? state.run : ""}`,
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
    $("pt-error").textContent = text;
  }

  const send = (action, more = {}, run = state.run) => ask("page/translate/act", { action, run, ...more });

  async function start(button) {
    const failed = uploads.failed();
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    error("");
    await uploads.sent();
    const answer = uploads.failed() > failed ? { error: word("s.file_failed") } : await send("start", options());
    button.removeAttribute("aria-busy");
    if (answer.error) return error(answer.error);
    uploads.clear();
    open(answer.run);
  }

  async function take(position) {
    const answer = await send("remove", { position });
    if (answer.error) error(answer.error);
    else if (answer.run !== state.run) open(answer.run);
  }

  function columns(button, position) {
    playgroundMenus.form(button.textContent, [{ name: "names", label: word("t.columns"), value: button.dataset.names, hint: word("t.columns_hint") }], word("ok"),
      async ({ names }) => (await send("columns", { position, names })).error || "");
  }

  // ---- the list --------------------------------------------------------------------------------------------------------
  const { menu, restore, purge } = playgroundRooms.listed("pt-list", "data-translation", { state, open: (run) => open(run), send: (...all) => send(...all), say: (...all) => say(...all) });

  // ---- a translation ---------------------------------------------------------------------------------------------------
  async function command(action, button) {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    const answer = await send(action);
    button.removeAttribute("aria-busy");
    say(answer.error || "", true);
  }

  async function save(format, document) {
    const answer = await playgroundSide.saved(`page/translate/export?t=${state.run}&format=${format}&document=${document}`);
    say(answer.error || word("exported", answer), Boolean(answer.error));
  }

  // What is done with one of the files; of several it is asked which.
  function each(button, work) {
    if (state.files.length < 2) return work(0);
    playgroundMenus.menu(button, state.files.map((name, at) => [name, () => setTimeout(() => work(at))]));
  }

  const exportMenu = (button) => each(button, (document) =>
    playgroundMenus.menu(button, ["file", "table", "csv", "tmx", "xliff"].map((format) => [word(`t.export.${format}`), () => save(format, document)])));

  const reference = (button) => each(button, (document) => {
    $("pt-reference").dataset.document = document;
    $("pt-reference").click();
  });

  async function compare(file) {
    const { document } = $("pt-reference").dataset, run = state.run;
    $("pt-scores").textContent = word("t.comparing");
    let answer;
    try {
      const address = `page/translate/reference?t=${run}&document=${document}&name=${encodeURIComponent(file.name)}`;
      answer = await (await fetch(address, { method: "POST", body: file })).json();
    } catch { answer = { error: word("offline") }; }
    if (run !== state.run) return;
    say(answer.error || "", true);
    $("pt-scores").innerHTML = answer.html || "";
    if (!answer.error) playgroundEditor.scored();
  }

  // ---- events ----------------------------------------------------------------------------------------------------------
  const DO = { start, get, export: exportMenu, reference, resume: (button) => command("resume", button), stop: (button) => command("stop", button) };

  function click(node, action, argument) {
    if (node.closest(".pt-dialog")) return playgroundMemory.click(node, action, argument);
    if (!node.closest("#pt-root")) return false;
    if (node.id === "pt-new") { uploads.clear(); open(""); }
    else if (node.id === "pt-choose") $("pt-file").click();
    else if (action === "t_menu") menu(node, argument);
    else if (action === "t_restore") restore(argument);
    else if (action === "t_purge") playgroundMenus.menu(node, [[word("s.delete_forever"), () => purge(argument), { danger: true }]]);
    else if (action === "t_older") { state.listed += 100; connect(); }
    else if (action === "t_remove") take(Number(argument));
    else if (action === "t_columns") columns(node, Number(argument));
    else if (DO[action]) DO[action](node);
    else if (!playgroundMemory.click(node, action, argument) && !playgroundText.click(node, action)) playgroundEditor.click(node, action);
    return true;
  }

  function appear() {
    const root = $("pt-root");
    if (!root || root.dataset.drawn) return;
    root.dataset.drawn = "1";
    playground.translate(root);
    $("pt-bar").addEventListener("change", chose);
    picks($("pt-file"), attach);
    picks($("pt-reference"), ([file]) => compare(file));
    drops(root, (files) => {
      if (!$("pt-run").hidden) open("");
      attach(files);
    });
    playgroundText.appear();
    playgroundEditor.appear();
    open(asked() ?? (stored("sessionStorage", "translation") || ""), false);
    if (visible()) turned();
  }

  function begin() {
    const hidden = () => { stream?.close(); stream = null; };
    playgroundRooms.listens({ name: "translate", attribute: "data-translation", letter: "t", asked, travelled, hidden, connect, appear, turned });
  }

  return { click, start: begin, state, choice, open, send, say, visible, options, kind, source, target, change, detectedAs };
})();
