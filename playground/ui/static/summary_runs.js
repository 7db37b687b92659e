// What one does with a summary that is there: sentences lead to their sources, it is copied, exported, compared, asked.
"use strict";

const playgroundRuns = (() => {
  const { word, ask } = playground;
  const $ = (id) => document.getElementById(id);
  const { state, open, send, say, tab, visible } = playgroundSummaries;
  let passage = null, pressed = null, other = "";

  // ---- sources --------------------------------------------------------------------------------------------------------------
  async function source(run, place, title = "", links = 0, wide = 1) {
    passage = { run, place, title, links };
    const asked = passage, { document: number, start, end } = place;
    const answer = await ask(`page/summaries/source?s=${run}&document=${number}&start=${start}&end=${end}&wide=${wide}`);
    if (asked !== passage) return; // Another one was wanted meanwhile.
    const box = $("ps-source"), body = $("ps-passages");
    const top = pressed?.getBoundingClientRect().top;
    box.hidden = false;
    document.body.classList.add("ps-reading");
    box.querySelector("b").textContent = answer.name || "";
    box.querySelector("header span").textContent = title;
    box.querySelector("[data-action=s_next]").hidden = links < 2;
    if (answer.error) body.textContent = answer.error;
    else body.innerHTML = answer.html;
    hold(top);
    const mark = body.querySelector("mark");
    body.scrollTop += mark ? mark.getBoundingClientRect().top - body.getBoundingClientRect().top - body.clientHeight / 3 : 0;
  }

  // The sentence stays where it is on the screen when the document comes beside it; on a phone, above it.
  function hold(top) {
    if (top === undefined) return;
    const narrow = innerWidth <= 720, box = narrow ? $("ps-root") : $("ps-main");
    box.scrollTop += pressed.getBoundingClientRect().top - (narrow ? box.getBoundingClientRect().top + 48 : top);
  }

  function closeSource() {
    passage = null;
    if ($("ps-source").hidden) return;
    const top = pressed?.getBoundingClientRect().top, inside = $("ps-source").contains(document.activeElement);
    $("ps-source").hidden = true;
    document.body.classList.remove("ps-reading");
    if (innerWidth > 720 && pressed?.isConnected) hold(top);
    if (inside) pressed?.focus({ preventScroll: true });
    for (const one of document.querySelectorAll(".ps-s.open")) one.classList.remove("open");
    pressed = null;
  }

  // A sentence leads to its passages, one after the other each time that it is pressed.
  function press(node) {
    const column = node.closest("#ps-other") || $("ps-text"), run = column.dataset.of || state.run;
    const links = JSON.parse(node.dataset.links);
    const at = node.classList.contains("open") ? (Number(node.dataset.at || 0) + 1) % links.length : 0;
    for (const one of document.querySelectorAll(".ps-s.open")) one.classList.remove("open");
    for (const one of column.querySelectorAll(`.ps-s[data-n="${node.dataset.n}"]`)) { one.classList.add("open"); one.dataset.at = at; }
    pressed = node;
    const title = [word("s.passage", { n: at + 1, of: links.length }), links[at].strong ? "" : word("s.near")].filter(Boolean).join(" – ");
    source(run, links[at], title, links.length);
  }

  // ---- commands ---------------------------------------------------------------------------------------------------------------
  async function command(action, button) {
    if (action === "export") return playgroundMenus.menu(button, [["Markdown", () => save("markdown")], ["Word (DOCX)", () => save("docx")], ["JSON", () => save("json")]]);
    if (action === "compare") return compare(button);
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    const answer = await work(action);
    button.removeAttribute("aria-busy");
    say(answer.error || "", true);
    if (action === "copy" && !answer.error) copy(answer.text);
    if (action === "again" && !answer.error) change(answer.options, answer.models);
    if (answer.conversation) { tab("chat").click(); playground.open(answer.conversation); }
  }

  function work(action) {
    if (action === "copy" || action === "again") return ask(`page/summaries/text?s=${state.run}`);
    return action === "ask" ? ask(`page/summaries/ask?s=${state.run}`, {}) : send(action);
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return say(word("copy_failed"), true); // Browsers allow it on this machine or over HTTPS only.
    }
    say(word("copied"));
  }

  async function save(format) {
    const answer = await playgroundSide.saved(`page/summaries/export?s=${state.run}&format=${format}`);
    say(answer.error || word("exported", answer), Boolean(answer.error));
  }

  // The same documents with other settings: what need not be read again is not.
  function change(options, models) {
    const choices = (name) => [...$("ps-form").elements[name].options].map((one) => [one.value, one.textContent]);
    const choice = (name, label) => ({ name, kind: "select", label: word(label), value: options[name] || "", options: choices(name) });
    const share = options.share ? `${Number((100 * options.share).toFixed(4))} %` : "";
    playgroundMenus.form(word("s.again"), [
      choice("style", "s.style"),
      { name: "instruction", kind: "textarea", label: word("s.instruction"), value: options.instruction },
      { name: "length", label: word("s.length"), value: options.words ? String(options.words) : share, hint: word("s.length_hint") },
      choice("language", "s.language"),
      { name: "audience", label: word("s.audience"), value: options.audience },
      choice("mode", "s.mode"),
      { name: "pages", label: word("s.only_pages"), value: options.pages, hint: word("s.only_pages_hint") },
      ...(models.length > 1 ? [{ name: "model", kind: "select", label: word("s.model"), value: models[0][0], options: models }] : []),
    ], word("s.start"), async (values) => {
      const answer = await send("again", { ...values, seed: options.seed });
      if (!answer.error) open(answer.run);
      return answer.error || "";
    });
    const dialog = document.querySelector("dialog[open]"), style = dialog.querySelector("select");
    const fit = () => { dialog.querySelector("label:has(textarea)").hidden = style.value !== "own"; };
    style.addEventListener("change", fit);
    fit();
  }

  // ---- two side by side -----------------------------------------------------------------------------------------------------
  function compare(button) {
    if (other) return endComparison();
    const others = [...document.querySelectorAll("#ps-list a[data-status=complete]")].filter((one) => one.dataset.run !== state.run);
    const items = others.map((one) => [one.dataset.title, () => beside(one.dataset.run), { hint: one.dataset.facts }]);
    playgroundMenus.menu(button, items.length ? items : [[word("s.compare_none"), () => {}]]);
  }

  async function beside(run) {
    const shown = state.run, answer = await ask(`page/summaries/shown?s=${run}`);
    if (answer.error) return say(answer.error, true);
    if (shown !== state.run) return;
    other = run;
    $("ps-other").dataset.of = run;
    $("ps-other").innerHTML = answer.html;
    pair(true);
  }

  function endComparison() {
    if (other && pressed?.closest("#ps-other")) closeSource();
    other = "";
    pair(false);
  }

  function pair(on) {
    $("ps-other").hidden = !on;
    $("ps-run").classList.toggle("pair", on);
    $("ps-tools").querySelector("[data-do=compare]").textContent = word(on ? "s.compare_end" : "s.compare");
  }

  // ---- events ---------------------------------------------------------------------------------------------------------------
  function opened() {
    endComparison();
    closeSource();
  }

  function click(node, action) {
    if (action === "s_close") closeSource();
    else if (action === "s_next") press(pressed);
    else if (node.dataset.wide) source(passage.run, passage.place, passage.title, passage.links, Number(node.dataset.wide));
    else if (node.classList.contains("ps-cell")) {
      const { document: number, start, end, part } = node.dataset;
      closeSource();
      source(state.run, { document: number, start, end }, word("s.part", { n: Number(part) + 1 }));
    } else if (node.dataset.do && node.type !== "submit") command(node.dataset.do, node);
  }

  function clicked(event) {
    const jump = event.target.closest?.("#ps-root a[data-jump]"), sentence = event.target.closest?.(".ps-s");
    if (jump) {
      event.preventDefault();
      const mark = $(`ps-mark-${jump.dataset.jump}`);
      mark?.scrollIntoView({ block: "center" });
      mark?.closest(".ps-s")?.focus({ preventScroll: true });
    } else if (sentence && getSelection().isCollapsed) press(sentence); // Who selects words to copy them does not press.
  }

  function keydown(event) {
    const { key, target } = event;
    if ((key === "Enter" || key === " ") && target.classList?.contains("ps-s")) { event.preventDefault(); press(target); }
    if (key === "Escape" && visible() && !$("ps-source").hidden && !playgroundMenus.isOpen()) closeSource();
    // The map is one stop for the tab key; the arrows walk in it.
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!step || !target.classList?.contains("ps-cell")) return;
    const cells = [...document.querySelectorAll("#ps-map .ps-cell")], next = cells[cells.indexOf(target) + step];
    if (next) { event.preventDefault(); next.focus(); }
  }

  function start() {
    document.addEventListener("click", clicked);
    document.addEventListener("keydown", keydown);
  }

  return { opened, click, start };
})();
