// The Models tab's script: merges what the event stream says into the page, and hands commands to Gradio's handler.
// It decides nothing. What a person typed, unfolded or has the focus on stays as it is when a section is drawn anew.
"use strict";

const playgroundModels = (() => {
  const latest = {};
  const waiting = new Map();
  let ticket = 0, toSend = [];
  const find = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`);

  // ---- drawing anew without losing anything ------------------------------------------------------------------------
  function show({ sections }) {
    Object.assign(latest, sections);
    for (const id of Object.keys(sections)) paint(id);
  }

  function paint(id) {
    const box = document.getElementById(id);
    if (!box) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = latest[id];
    merge(box, fresh.content);
  }

  // Children with the same data-key, else the same kind at the same place, are kept and brought up to date.
  function merge(old, fresh) {
    const keyed = new Map([...old.children].filter((node) => node.dataset.key).map((node) => [node.dataset.key, node]));
    let at = old.firstChild;
    for (const node of [...fresh.childNodes]) {
      const key = node.dataset?.key;
      const match = key ? keyed.get(key) : at && !at.dataset?.key && at.nodeName === node.nodeName ? at : null;
      if (!match) { old.insertBefore(node, at); continue; }
      if (match !== at) old.insertBefore(match, at);
      at = match.nextSibling;
      if (match.nodeType === Node.ELEMENT_NODE) update(match, node);
      else if (match.data !== node.data) match.data = node.data;
    }
    while (at) { const next = at.nextSibling; at.remove(); at = next; }
  }

  function update(old, fresh) {
    if (old.hasAttribute("data-own") && fresh.hasAttribute("data-own")) return;
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !["open", "data-touched", "aria-busy"].includes(name)) old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const before = old.value, told = fresh.value; // Before the text of a textarea goes over to the old one.
    merge(old, fresh);
    if (!old.matches("input, select, textarea")) return;
    const kept = "touched" in old.dataset || old === document.activeElement;
    old.value = kept ? before : told;
    if (kept && old.value !== before) old.value = told; // What had been chosen is not offered any more.
  }

  // ---- commands ----------------------------------------------------------------------------------------------------
  function values(form) {
    return form ? Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)])) : {};
  }

  function act(action, argument, button) {
    if (button?.getAttribute("aria-busy") === "true") return;
    const card = button?.closest("[data-key]:has(> .pm-said)"), form = button?.closest("form");
    const page = { ticket: ++ticket, action, argument, value: values(form) };
    waiting.set(page.ticket, { key: card?.dataset.key || "", form: form?.dataset.form || "", button });
    button?.setAttribute("aria-busy", "true");
    say(card, "");
    toSend.push(page);
    playground.press("pm-act", () => toSend.includes(page));
  }

  const take = () => toSend.shift() || { action: "none" };

  function done(result) {
    const asked = waiting.get(result.ticket);
    if (!asked) return;
    waiting.delete(result.ticket);
    asked.button?.removeAttribute("aria-busy");
    const card = find(asked.key) || document.getElementById("pm-root");
    if (result.error) return say(card, result.error);
    const form = card.querySelector(`form[data-form="${asked.form}"]`);
    for (const touched of form?.querySelectorAll("[data-touched]") || []) delete touched.dataset.touched;
    for (const box of form?.querySelectorAll("[data-empty]") || []) box.value = "";
    if (result.into) {
      const box = document.getElementById(result.into);
      if (box) box.innerHTML = result.html;
      box?.querySelector("button")?.focus();
    }
    for (const section of Object.keys(latest)) paint(section);
    announce(result.said || "");
    if (document.activeElement === document.body) card.closest("section")?.querySelector("h2")?.focus();
  }

  function failed() {
    for (const { key, button } of waiting.values()) {
      button?.removeAttribute("aria-busy");
      say(find(key), playground.word("m.failed"));
    }
    waiting.clear();
  }

  // In place: the error sits in the card it belongs to, until the next command there.
  function say(card, text) {
    const box = card?.querySelector(":scope > .pm-said") || (text && document.querySelector("#pm-root > .pm-said"));
    if (box) box.textContent = text;
  }

  function announce(text) {
    document.getElementById("pm-done").textContent = text;
  }

  // ---- the plan, live while one chooses ----------------------------------------------------------------------------
  const later = new WeakMap();

  function plan(form, delay = 250) {
    clearTimeout(later.get(form));
    later.set(form, setTimeout(async () => {
      const asked = new URLSearchParams(values(form)).toString();
      const box = form.querySelector(".pm-plan");
      box.setAttribute("aria-busy", "true");
      const answer = await playground.ask(`page/models/plan?${asked}`);
      if (new URLSearchParams(values(form)).toString() !== asked) return; // Overtaken by another choice.
      box.removeAttribute("aria-busy");
      if (answer.error) { const line = document.createElement("p"); line.className = "error"; line.textContent = answer.error; box.replaceChildren(line); }
      else box.innerHTML = answer.html;
    }, delay));
  }

  function set(form, wanted) {
    for (const [name, value] of Object.entries(wanted)) {
      const control = form.elements[name];
      control.value = value;
      control.dataset.touched = "1";
    }
    plan(form, 0);
  }

  // ---- events ------------------------------------------------------------------------------------------------------
  function clicked(event) {
    if (event.target.closest("#pg-status")) return open();
    const tab = event.target.closest("#pg-tabs button[role=tab]");
    if (tab) remember(tab);
    const node = event.target.closest("#pm-root button");
    if (!node) return;
    if (node.dataset.set) return set(node.closest("form"), JSON.parse(node.dataset.set));
    if (node.dataset.do && node.type !== "submit") act(node.dataset.do, node.dataset.argument || "", node);
  }

  function submitted(event) {
    if (!event.target.closest("#pm-root")) return;
    event.preventDefault();
    const button = event.submitter || event.target.querySelector("button[type=submit]");
    act(button.dataset.do, button.dataset.argument || "", button);
  }

  function touched(event) {
    const control = event.target.closest("#pm-root :is(input, select)");
    if (!control) return;
    control.dataset.touched = "1";
    const form = control.closest("form[data-plan]");
    if (form) plan(form);
  }

  function unfolded(event) {
    const form = event.target.open && event.target.matches?.("#pm-root details") && event.target.querySelector(":scope > form[data-plan]");
    if (form) plan(form, 0);
  }

  // ---- the tab -----------------------------------------------------------------------------------------------------
  const tabs = () => [...document.querySelectorAll("#pg-tabs button[role=tab]")];

  // A reload, and with it a change of language, comes back to the tab it left.
  function remember(tab) {
    try { sessionStorage.setItem("tab", tab.textContent.trim() === playground.word("tab.models") ? "models" : ""); } catch { /* Storage may be forbidden. */ }
  }

  function open() {
    tabs().find((tab) => tab.textContent.trim() === playground.word("tab.models"))?.click();
  }

  function appear() {
    const root = document.getElementById("pm-root");
    if (!root || root.dataset.drawn) return;
    root.dataset.drawn = "1";
    playground.translate(root);
    for (const section of Object.keys(latest)) paint(section);
  }

  function start() {
    document.addEventListener("click", clicked);
    document.addEventListener("submit", submitted);
    document.addEventListener("input", touched);
    document.addEventListener("toggle", unfolded, true);
    // Gradio draws a tab when it is first opened, and may draw it anew.
    new MutationObserver(appear).observe(document.getElementById("pg-tabs"), { childList: true, subtree: true });
    appear();
    try { if (sessionStorage.getItem("tab") === "models") open(); } catch { /* Storage may be forbidden. */ }
  }

  return { show, take, done, failed, start, merge };
})();
