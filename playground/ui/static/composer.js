// Below the messages: files to attach, the context meter, templates and personas.
"use strict";

const playgroundComposer = (() => {
  const { word, ask, act, stored, state, panel } = playground;
  const $ = (id) => document.getElementById(id);
  const key = (conversation = state.conversation) => `files:${conversation}`;
  const under = new Set(); // Files on their way, those of other conversations too.
  const shown = {}; // Small images by id: not fetched anew each time that all is drawn.
  let list = [], timer = 0, asked = 0, rule = "oldest";

  // ---- files ---------------------------------------------------------------------------------------------------------
  const files = () => list.filter((one) => one.id).map((one) => one.id);
  // What goes with a message that is sent now: the ids once all have arrived, and how many could not be taken.
  async function going() {
    const all = list, read = await Promise.all(all.map((one) => one.job));
    return { files: all.filter((one) => one.id && !one.off).map((one) => one.id), unread: read.filter((one) => one === false).length };
  }

  function kept(conversation) {
    try { return JSON.parse(stored("sessionStorage", key(conversation)) || "[]"); } catch { return []; }
  }

  function keep(conversation = state.conversation, files = list.filter((one) => one.id)) {
    stored("sessionStorage", key(conversation), files.length ? JSON.stringify(files) : "");
  }

  function opened() {
    list = [...kept(state.conversation), ...[...under].filter((one) => one.conversation === state.conversation)];
    draw();
    changed();
  }

  function taken(sent, conversation) {
    const left = (files) => files.filter((one) => !sent.includes(one.id));
    if (conversation !== state.conversation) return keep(conversation, left(kept(conversation)));
    list = left(list);
    keep();
    draw();
  }

  function draw() {
    const box = $("pg-files"), focused = [...box.querySelectorAll("button")].indexOf(document.activeElement);
    box.replaceChildren(...list.map((one) => {
      const chip = Object.assign(document.createElement("span"), { className: "file" });
      chip.setAttribute("role", "listitem");
      if (one.image && one.id) chip.append(shown[one.id] ||= Object.assign(document.createElement("img"), { src: `page/image/${one.id}`, alt: "" }));
      const name = Object.assign(document.createElement("b"), { textContent: one.name, title: one.name });
      const facts = [one.pages ? word("pages", { n: one.pages }) : "", one.tokens != null ? word(one.image ? "image_tokens" : "tokens", { n: one.tokens }) : "", ...(one.notes || [])];
      const text = one.id ? facts.filter(Boolean).join(" · ") : word("uploading", { percent: one.percent || 0 });
      const off = playground.button("×", () => { one.off = true; one.cancel?.(); list = list.filter((other) => other !== one); keep(); draw(); changed(); });
      off.setAttribute("aria-label", word("remove_file", { name: one.name }));
      chip.append(name, Object.assign(document.createElement("small"), { textContent: text }), off);
      return chip;
    }));
    if (focused >= 0) (box.querySelectorAll("button")[focused] || document.querySelector("#pg-message textarea")).focus();
  }

  function attach(chosen) {
    playground.forget("attach:");
    for (const file of chosen) {
      const one = { name: file.name, percent: 0, conversation: state.conversation };
      list = [...list, one];
      under.add(one);
      draw();
      one.job = upload(file, one).finally(() => under.delete(one));
    }
  }

  function upload(file, one) {
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      one.cancel = () => request.abort();
      const end = (answer) => {
        const here = one.conversation === state.conversation;
        if (answer.error) {
          if (here) list = list.filter((other) => other !== one);
          playground.notice(`${file.name}: ${answer.error}`, `attach:${file.name}`);
        } else {
          Object.assign(one, answer, { cancel: undefined });
          // The reader has gone on: the file waits where it was dropped.
          if (!here) keep(one.conversation, [...kept(one.conversation), answer]);
        }
        if (here) { keep(); draw(); changed(); }
        resolve(!answer.error);
      };
      request.upload.onprogress = (event) => { one.percent = event.total ? Math.round((100 * event.loaded) / event.total) : 0; draw(); };
      request.onload = () => { try { end(JSON.parse(request.responseText)); } catch { end({ error: word("failed") }); } };
      request.onerror = () => end({ error: word("offline") });
      request.onabort = () => resolve(true);
      request.open("POST", `page/attach?name=${encodeURIComponent(file.name)}`);
      request.send(file);
    });
  }

  // ---- the meter -------------------------------------------------------------------------------------------------------
  function changed() {
    clearTimeout(timer);
    if (!state.streaming) timer = setTimeout(measure, 350);
  }

  async function measure() {
    const number = ++asked, box = document.querySelector("#pg-message textarea");
    const body = { conversation: state.conversation, text: box?.value || "", files: files() };
    if (panel.of === state.conversation) body.system = document.querySelector("#pg-system textarea")?.value;
    const meter = await ask("page/context", body);
    if (number !== asked) return;
    if (meter.limit === undefined) { $("pg-tokens").textContent = ""; return; }
    rule = meter.rule;
    let text = word("meter", { n: meter.tokens.toLocaleString(), limit: meter.limit.toLocaleString() });
    if (meter.left_out) text += ` · ${word(rule === "summary" ? "meter_summary" : "meter_out", { n: meter.left_out })}`;
    if (meter.excluded) text += ` · ${word("meter_hand", { n: meter.excluded })}`;
    $("pg-tokens").textContent = text;
    $("pg-bar").firstChild.style.width = `${Math.min(100, (100 * meter.tokens) / meter.limit)}%`;
    $("pg-meter").classList.toggle("full", Boolean(meter.error) || meter.tokens > meter.limit);
    playground.notice(meter.error, "meter");
    files().forEach((id, at) => { const one = list.find((file) => file.id === id); if (one) one.tokens = meter.files[at]; });
    draw();
    // What would not be seen by the model is shown paler, before anything is sent.
    const first = meter.first && document.getElementById(`m-${meter.first}`), byHand = "[data-out='1']";
    let out = Boolean(meter.left_out) && Boolean(first || !meter.first);
    for (const article of document.querySelectorAll("#pg-items article")) {
      if (article === first) out = false;
      const falls = out && !article.querySelector(byHand);
      article.classList.toggle("out", falls);
      article.querySelector(".who").dataset.out = falls ? word(rule === "summary" ? "becomes_summary" : "falls_out") : "";
    }
  }

  function contextMenu(node) {
    const choose = (value) => () => act("context", state.conversation, value);
    const items = ["oldest", "summary", "hand"].map((one) => [word(`context.${one}`), choose(one), { checked: rule === one, hint: word(`context.${one}_hint`) }]);
    playgroundMenus.menu(node, state.conversation ? items : [[word("context.later"), () => {}]]);
  }

  // ---- personas and templates --------------------------------------------------------------------------------------------
  function persona(name) { $("pg-persona").textContent = name || word("no_persona"); }

  async function personas(node) {
    const { personas: all = [], error } = await ask("page/prompts");
    if (error) return playground.notice(error, "command");
    const items = [[word("no_persona"), () => act("persona", ""), { checked: !panel.persona }]];
    for (const one of all) items.push([one.name, () => act("persona", one.id), { checked: panel.persona === one.id }]);
    items.push("-", [word("save_persona"), () => savePrompt("persona", { text: document.querySelector("#pg-system textarea")?.value })]);
    const own = all.filter((one) => one.own);
    if (own.length) items.push([word("edit_persona"), (from) => playgroundMenus.menu(from, own.map((one) => [one.name, () => savePrompt("persona", one)]))]);
    if (own.length) items.push([word("delete_persona"), (from) => playgroundMenus.menu(from, own.map((one) => [one.name, () => deletePrompt(one.id), { danger: true }]))]);
    playgroundMenus.menu(node, items);
  }

  async function savePrompt(kind, { id = "", name = "", text = "" }) {
    const hint = word(kind === "template" ? "template_hint" : id && id !== panel.persona ? "persona_edit_hint" : "persona_hint");
    const title = kind === "template" ? (id ? "edit_template" : "save_template") : id ? "edit_persona" : "save_persona";
    const found = await playgroundMenus.form(word(title), [
      { name: "name", label: word("name"), value: name },
      { name: "text", label: word(kind === "template" ? "template_text" : "system_prompt"), kind: "textarea", value: text, hint },
    ], word("save"), (values) => (values.name.trim() && values.text.trim() ? "" : word("name_and_text")));
    if (found) act("save_prompt", id, { kind, ...found });
  }

  function deletePrompt(id) { playground.pendingUndo.prompt = true; act("delete_prompt", id); }

  async function templates(node) {
    const { templates: all = [], error } = await ask("page/prompts");
    if (error) return playground.notice(error, "command");
    const items = all.map((one) => [one.name, () => insert(one), { hint: one.text.slice(0, 80) }]);
    const own = all.filter((one) => one.own);
    items.push("-", [word("save_template"), () => savePrompt("template", { text: document.querySelector("#pg-message textarea").value })]);
    if (own.length) {
      items.push([word("edit_template"), (from) => playgroundMenus.menu(from, own.map((one) => [one.name, () => savePrompt("template", one)]))]);
      items.push([word("delete_template"), (from) => playgroundMenus.menu(from, own.map((one) => [one.name, () => deletePrompt(one.id), { danger: true }]))]);
    }
    playgroundMenus.menu(node, items);
  }

  async function insert(template) {
    let text = template.text;
    if (template.variables.length) {
      const fields = template.variables.map((name) => ({ name, label: name, kind: /text|code|notes|points|文字|代码|笔记|要点/i.test(name) ? "textarea" : "text" }));
      // What is missing is told in the form, which keeps what was filled in.
      const found = await playgroundMenus.form(template.name, fields, word("insert"), async (values) => {
        const answer = await ask("page/fill", { text: template.text, values });
        text = answer.text;
        return answer.error;
      });
      if (!found) return;
    }
    const box = document.querySelector("#pg-message textarea");
    playground.setMessage(box.value ? `${box.value}\n\n${text}` : text);
    box.focus();
  }

  function click(node, action) {
    const doing = { attach: () => $("pg-file").click(), templates: () => templates(node), personas: () => personas(node), context: () => contextMenu(node), help: () => playgroundKeys.help() }[action];
    doing?.();
    return Boolean(doing);
  }

  function start() {
    playgroundRooms.picks($("pg-file"), attach);
    playgroundRooms.drops($("pg-main"), attach);
    persona("");
    document.addEventListener("paste", (event) => {
      // A word processor gives a picture of the text along with it.
      const data = event.clipboardData, pasted = data?.types.includes("text/plain") ? [] : [...(data?.files || [])];
      if (pasted.length && event.target.closest?.("#pg-composer")) { event.preventDefault(); attach(pasted); }
    });
  }

  return { click, start, files, going, opened, taken, changed, persona };
})();
