// What is known already: the translation memory and the glossaries, each in a dialog of its own.
"use strict";

const playgroundMemory = (() => {
  const { word, ask } = playground;
  const { choice, change } = playgroundTranslate;
  let dialog = null, asking = 0;

  const part = (name) => dialog.querySelector(`.pt-${name}`);

  function show(title, html) {
    dialog = playgroundMenus.sheet(word(title), html);
    dialog.classList.add("pt-dialog");
  }

  // What happened, with a way back; in the dialog, because nothing behind it can be pressed.
  function said(text, wrong = false, back = null) {
    const line = part("told");
    line.className = `pt-told${wrong ? " error" : ""}`;
    line.textContent = text;
    if (back) line.append(" ", playground.button(word("undo"), back));
  }

  function pick(accept) {
    return new Promise((resolve) => {
      const input = Object.assign(document.createElement("input"), { type: "file", accept });
      input.addEventListener("change", () => resolve(input.files[0] || null));
      input.addEventListener("cancel", () => resolve(null));
      input.click();
    });
  }

  async function upload(address, accept) {
    const file = await pick(accept);
    if (!file) return null;
    said(word("s.reading_file", { name: file.name }));
    try {
      return await (await fetch(`${address}?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file })).json();
    } catch { return { error: word("offline") }; }
  }

  // ---- glossaries ------------------------------------------------------------------------------------------------------
  function glossaries() {
    show("t.glossaries", '<p class="hint" data-t="t.glossaries_hint"></p><div class="pt-list"></div><p class="pt-told" role="status"></p><div class="pg-row"><button type="button" data-memory="add_glossary" data-t="t.add_glossary"></button></div>');
    part("list").addEventListener("change", chosen);
    return listed();
  }

  async function listed() {
    const answer = await ask("page/memory/glossaries");
    if (answer.error) return said(answer.error, true);
    part("list").innerHTML = answer.html;
    const left = choice.glossaries.filter((id) => answer.ids.includes(id));
    if (left.length !== choice.glossaries.length) change({ glossaries: left });
    for (const box of part("list").querySelectorAll("[type=checkbox]")) box.checked = choice.glossaries.includes(box.value);
  }

  function chosen() {
    change({ glossaries: [...part("list").querySelectorAll(":checked")].map((box) => box.value) });
    playgroundText.typed();
  }

  async function addGlossary() {
    const answer = await upload("page/memory/glossary", ".csv,.tsv,.tab,.tbx,.xml,.txt");
    if (!answer) return;
    if (answer.error) return said(answer.error, true);
    said("");
    change({ glossaries: [...choice.glossaries, answer.id] });
    await listed();
    playgroundText.typed();
  }

  async function terms(button) {
    const box = button.closest(".pt-glossary").querySelector(".pt-terms-of"), open = !box.children.length;
    button.setAttribute("aria-expanded", String(open));
    if (!open) return box.replaceChildren();
    const answer = await ask(`page/memory/terms?id=${button.dataset.id}`);
    if (answer.error) said(answer.error, true);
    else box.innerHTML = answer.html;
  }

  async function dropGlossary(id) {
    const was = choice.glossaries, answer = await ask("page/memory/act", { action: "drop_glossary", id });
    if (answer.error) return said(answer.error, true);
    await listed();
    said(word("t.glossary_deleted"), false, async () => {
      const back = await ask("page/memory/act", { action: "restore_glossary", id });
      if (back.error) return said(back.error, true);
      change({ glossaries: was });
      said("");
      listed();
    });
  }

  // ---- the memory ------------------------------------------------------------------------------------------------------
  async function memory() {
    show("t.memory", '<p class="hint" data-t="t.memory_hint"></p><label class="pt-check"><input type="checkbox" class="pt-use"><span data-t="t.use_memory"></span></label><div class="pt-pairs"></div><p class="pt-told" role="status"></p><div class="pg-row"><button type="button" data-memory="import" data-t="t.import_tmx"></button><button type="button" data-memory="export" data-pair="" data-t="t.export_all"></button></div><input type="search" class="pt-search" data-placeholder="t.search_units" data-label="t.search_units"><div class="pt-found"></div>');
    part("use").checked = choice.memory;
    part("use").addEventListener("change", () => { change({ memory: part("use").checked }); playgroundText.typed(); });
    part("search").addEventListener("input", found);
    await Promise.all([counted(), found()]);
  }

  async function counted() {
    const answer = await ask("page/memory");
    if (answer.error) return said(answer.error, true);
    part("pairs").innerHTML = answer.html;
    part("search").hidden = !answer.units;
    dialog.querySelector("[data-memory=export][data-pair='']").hidden = !answer.units;
  }

  async function found() {
    const number = ++asking, answer = await ask(`page/memory/units?q=${encodeURIComponent(part("search").value)}`);
    if (number !== asking) return;
    if (answer.error) said(answer.error, true);
    else part("found").innerHTML = part("search").hidden ? "" : answer.html;
  }

  async function refresh() {
    await counted();
    await found();
  }

  async function importTmx() {
    const answer = await upload("page/memory/import", ".tmx,.xml");
    if (!answer) return;
    said(answer.error || answer.said, Boolean(answer.error));
    refresh();
  }

  async function exportTmx(pair) {
    const [source, target] = pair.split("-"), answer = await playgroundSide.saved(`page/memory/export?source=${source || ""}&target=${target || ""}`);
    said(answer.error || word("exported", answer), Boolean(answer.error));
  }

  async function forget(id) {
    const answer = await ask("page/memory/act", { action: "forget", id });
    if (answer.error) return said(answer.error, true);
    await refresh();
    said(word("t.unit_deleted"), false, async () => {
      const back = await ask("page/memory/act", { action: "keep", units: answer.units });
      said(back.error || "", Boolean(back.error));
      refresh();
    });
  }

  // ---- events ----------------------------------------------------------------------------------------------------------
  function click(node, action, argument) {
    const does = node.dataset.memory;
    if (action === "glossaries") glossaries();
    else if (action === "memory") memory();
    else if (action === "t_drop_glossary") dropGlossary(argument);
    else if (action === "t_forget") forget(argument);
    else if (does === "add_glossary") addGlossary();
    else if (does === "terms") terms(node);
    else if (does === "import") importTmx();
    else if (does === "export") exportTmx(node.dataset.pair);
    else return Boolean(node.closest(".pt-dialog"));
    return true;
  }

  return { click };
})();
