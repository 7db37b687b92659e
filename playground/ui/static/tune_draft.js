// A draft of a training: its samples, how long they are, the form, and what it would take. The server decides.
"use strict";

const playgroundTuneDraft = (() => {
  const { word, ask } = playground;
  const { state, send, say, paint, uploads, busy, command, visible } = playgroundTune;
  const $ = (id) => document.getElementById(id);
  const list = { page: 0, asked: 0 };
  let keeping = Promise.resolve(), timer = 0, searching = 0, looked = "", noting = 0, measuring = 0, planning = 0;
  const fresh = new Set(); // Samples that are being drawn.

  // ---- samples -----------------------------------------------------------------------------------------------------
  async function samples(page = list.page) {
    const number = ++list.asked, run = state.run;
    const answer = await ask("page/tune/samples", { run, page, words: $("pn-words").value, shown: $("pn-shown").value });
    if (number !== list.asked || run !== state.run) return;
    $("pn-samples-error").textContent = answer.error || "";
    if (answer.error) return;
    list.page = answer.page;
    paint("pn-samples", answer.html);
    for (const one of $("pn-samples").querySelectorAll("details[data-sample][open]")) see(one);
  }

  // One sample as the model will see it; not while somebody writes in it.
  async function see(details) {
    const box = details.querySelector(".pn-seen"), key = details.dataset.sample, run = state.run;
    if (box.querySelector(".pn-edit:not([hidden])") || fresh.has(key)) return;
    fresh.add(key);
    const answer = await ask("page/tune/sample", { run, key });
    fresh.delete(key);
    if (run !== state.run || box.querySelector(".pn-edit:not([hidden])")) return;
    if (answer.error) box.textContent = answer.error;
    else {
      const made = document.createElement("template");
      made.innerHTML = answer.html;
      playgroundModels.merge(box, made.content);
    }
  }

  function edit(node, on) {
    const box = node.closest(".pn-seen"), form = box.querySelector(".pn-edit");
    form.hidden = !on;
    box.classList.toggle("editing", on);
    if (on) form.querySelector("textarea").focus();
    else { form.reset(); box.closest("details").querySelector("summary").focus(); see(box.closest("details")); }
  }

  async function save(form) {
    const answer = await send("change", { key: form.dataset.edit, values: Object.fromEntries(new FormData(form)) });
    form.querySelector(".error").textContent = answer.error || "";
    if (!answer.error) edit(form, false);
  }

  // ---- lengths and what it would take ----------------------------------------------------------------------------------
  async function lengths() {
    const number = ++measuring, run = state.run;
    $("pn-lengths").setAttribute("aria-busy", "true");
    const answer = await ask("page/tune/lengths", { run });
    if (number !== measuring || run !== state.run) return;
    $("pn-lengths").removeAttribute("aria-busy");
    $("pn-lengths-error").textContent = answer.error || "";
    paint("pn-lengths", answer.html || "");
    $("pn-time").textContent = answer.time || "";
  }

  async function plan() {
    const number = ++planning, run = state.run;
    const answer = await ask("page/tune/plan", { run });
    if (number === planning && run === state.run) planned(answer);
  }

  function planned(answer) {
    if (answer.error) { $("pn-error").textContent = answer.error; return; }
    for (const line of $("pn-form").querySelectorAll("[id^='pn-f-']")) {
      const name = line.id.slice(5), fault = answer.faults[name] || "", field = $("pn-form").elements[name];
      if (line.textContent !== fault) line.textContent = fault;
      if (fault) field?.setAttribute("aria-invalid", "true");
      else field?.removeAttribute("aria-invalid");
    }
    for (const card of $("pn-form").querySelectorAll(".pn-card")) card.setAttribute("aria-pressed", String(card.dataset.argument === answer.preset));
    if ($("pn-now")) $("pn-now").textContent = answer.now;
    paint("pn-forecast", answer.forecast);
    $("pn-begin").disabled = Boolean(answer.why);
    $("pn-why").textContent = answer.why;
    look(answer.look);
  }

  // With other data, another model or max_length samples look otherwise.
  function look(key) {
    if (key === looked) return;
    looked = key;
    lengths();
    samples();
  }

  // ---- the form --------------------------------------------------------------------------------------------------------
  const values = () => Object.fromEntries(new FormData($("pn-form")));

  // What is typed is kept soon, one after the other.
  function typed(delay = 500) {
    clearTimeout(timer);
    timer = setTimeout(keep, delay);
  }

  function keep() {
    clearTimeout(timer);
    timer = 0;
    const run = state.run, form = values(), number = ++planning;
    keeping = keeping.then(async () => {
      const answer = await ask("page/tune/keep", { run, form });
      if (run !== state.run) return;
      if (!answer.error) for (const field of $("pn-form").elements) if (form[field.name] === field.value) delete field.dataset.touched;
      if (number === planning && state.status === "draft") planned(answer);
    });
    return keeping;
  }

  // The page goes: what was typed last goes with the last request.
  function leave() {
    if (timer && state.status === "draft") {
      clearTimeout(timer);
      timer = 0;
      const body = JSON.stringify({ run: state.run, form: values() });
      fetch("page/tune/keep", { method: "POST", keepalive: true, body, headers: { "Content-Type": "application/json" } }).catch(() => {});
    }
    looked = "";
    list.page = 0;
    for (const id of ["pn-samples", "pn-lengths", "pn-forecast"]) $(id)?.replaceChildren();
    for (const id of ["pn-error", "pn-why", "pn-time", "pn-samples-error", "pn-lengths-error"]) if ($(id)) $(id).textContent = "";
    if ($("pn-begin")) $("pn-begin").disabled = true;
    if ($("pn-words")) { $("pn-words").value = ""; $("pn-shown").value = "all"; }
  }

  function set(wanted) {
    for (const [name, value] of Object.entries(wanted)) {
      const field = $("pn-form").elements[name];
      if (field) { field.value = value; field.dataset.touched = "1"; }
    }
    keep();
  }

  async function begin(button) {
    if (button.disabled) return;
    await busy(button, async () => {
      const failed = uploads.failed();
      $("pn-error").textContent = "";
      await uploads.sent();
      await keep();
      const answer = uploads.failed() > failed ? { error: word("s.file_failed") } : await send("begin", { form: values() });
      $("pn-error").textContent = answer.error || "";
    });
  }

  // ---- events ----------------------------------------------------------------------------------------------------------
  function click(node, action, argument) {
    if (node.dataset.set) set(JSON.parse(node.dataset.set));
    else if (action === "begin") begin(node);
    else if (action === "page") samples(Number(argument)).then(() => $("pn-find").scrollIntoView({ block: "start" }));
    else if (action === "leave_out") command(action, node, { key: argument }, "tune.is_out", "put_back");
    else if (action === "put_back") command(action, node, { key: argument });
    else if (action === "as_read") command(action, node, { key: argument });
    else if (action === "edit") edit(node, true);
    else if (action === "cancel_edit") edit(node, false);
    else if (action === "show_private") { $("pn-shown").value = "private"; samples(0).then(() => $("pn-look").scrollIntoView({ block: "start" })); }
    else return false;
    return true;
  }

  function input(event) {
    const field = event.target;
    if (field.dataset.note !== undefined) {
      field.dataset.touched = "1";
      clearTimeout(noting);
      const run = state.run, position = Number(field.dataset.note);
      noting = setTimeout(async () => { // After it is kept, other windows may change it again.
        const answer = await send("note", { position, note: field.value }, run);
        if (answer.error) say(answer.error, true);
        else delete field.dataset.touched;
      }, 500);
    } else if (field.closest("#pn-form")) {
      field.dataset.touched = "1";
      typed(field.matches("select") ? 0 : 500);
    } else if (field.id === "pn-words" || field.id === "pn-shown") {
      clearTimeout(searching);
      searching = setTimeout(() => samples(0), field.id === "pn-words" ? 250 : 0);
    }
  }

  function appear() {
    const root = $("pn-root");
    root.addEventListener("input", input);
    root.addEventListener("toggle", ({ target }) => { if (target.open && target.matches("details[data-sample]")) see(target); }, true);
    document.addEventListener("keydown", (event) => {
      const meant = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing && state.status === "draft" && visible();
      const here = event.target === document.body || root.contains(event.target);
      if (!meant || !here || event.target.closest(".pn-edit")) return;
      event.preventDefault();
      begin($("pn-begin"));
    });
    addEventListener("pagehide", leave);
  }

  function submitted(form) {
    if (form.dataset.edit) save(form);
  }

  // The stream told of the draft.
  const changed = () => plan();

  return { appear, changed, click, leave, submitted };
})();
