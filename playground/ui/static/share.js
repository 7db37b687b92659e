// The Share tab's script: merges what the event stream says into the page, and sends commands. It decides nothing.
// What is shown once, a new link or a new key, stands in the page only, and goes with it: never in the browser's storage.
"use strict";

const playgroundShare = (() => {
  const { word, ask } = playground;
  const $ = (id) => document.getElementById(id);
  let stream = null, again = 0, address = null, secret = "";
  const latest = {};
  const visible = () => Boolean($("px-root")?.offsetParent) && !document.hidden;

  // ---- watching ------------------------------------------------------------------------------------------------------
  function connect() {
    stream?.close();
    stream = null;
    clearTimeout(again);
    if (!visible()) return;
    stream = new EventSource("page/share/live");
    stream.onopen = () => { $("px-offline").textContent = ""; };
    stream.onerror = () => {
      $("px-offline").textContent = word("offline");
      if (stream?.readyState === EventSource.CLOSED) again = setTimeout(connect, 1000);
    };
    stream.addEventListener("share", (event) => show(JSON.parse(event.data)));
  }

  function show(told) {
    Object.assign(latest, told.sections);
    for (const box of Object.keys(told.sections)) paint(box);
    document.querySelector("#px-root form[data-form=open]").hidden = Boolean(told.address);
    const moved = address !== null && address !== told.address;
    address = told.address;
    if (moved && secret) renew();
  }

  function paint(id) {
    const box = $(id), held = box.contains(document.activeElement), fresh = document.createElement("template");
    fresh.innerHTML = latest[id];
    playgroundModels.merge(box, fresh.content);
    if (held && document.activeElement === document.body) box.closest("section").querySelector("h3").focus({ preventScroll: true });
  }

  // A link that was made before it had an address, or whose address has become another one.
  async function renew() {
    const asked = secret, answer = await ask("page/share/act", { action: "whole", values: { secret } });
    if (asked !== secret) return;
    if (answer.error) forget("px-made-link");
    else $("px-made-link").innerHTML = answer.html;
  }

  // ---- commands ------------------------------------------------------------------------------------------------------
  const values = (form) => (form ? Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)])) : {});

  async function act(action, argument, node) {
    if (node.getAttribute("aria-busy") === "true") return;
    const form = node.closest("form"), said = placed(node), sent = values(form);
    const facts = node.closest("li")?.querySelector(".px-facts")?.textContent || "";
    node.setAttribute("aria-busy", "true");
    said.textContent = "";
    const answer = await ask("page/share/act", { action, argument, values: sent });
    node.removeAttribute("aria-busy");
    if (answer.error) { said.textContent = answer.error; return; }
    if (form) settle(form, sent);
    if (action === "revoke_link" && secret) renew();
    if (action === "revoke_key" && isOf(facts, $("px-made-key"))) forget("px-made-key");
    if (answer.html) once(action, answer);
    const done = `share.done.${action}`;
    $("px-done").textContent = answer.html || !PLAYGROUND.words.en[done] ? "" : word(done);
  }

  // Whether a new key that is on show is the one of a row, which tells how it begins.
  function isOf(facts, made) {
    const whole = made.querySelector("code")?.textContent, begins = facts.match(/pg-\S+(?=…)/)?.[0];
    return Boolean(whole && begins && whole.startsWith(begins));
  }

  // Where the error of a command belongs: its row, its form, else the address above.
  const placed = (node) => (node.closest("[data-key]:has(> .px-said)") || document.querySelector("#px-root [data-key=closing]")).querySelector(":scope > .px-said");

  // What was sent has done its work; what somebody has typed meanwhile stays.
  function settle(form, sent) {
    for (const box of form.querySelectorAll("[data-empty]")) if (box.value === sent[box.name]) box.value = "";
    for (const box of form.querySelectorAll("[data-touched]")) delete box.dataset.touched;
    for (const box of form.querySelectorAll("[data-show]")) { box.checked = false; reveal(box); }
    const fold = form.closest("details");
    if (!fold) return;
    const held = fold.contains(document.activeElement);
    fold.open = false;
    if (held) fold.querySelector("summary").focus({ preventScroll: true });
  }

  function once(action, answer) {
    const box = $(action === "key" ? "px-made-key" : "px-made-link");
    if (action === "link") ({ secret } = answer);
    box.innerHTML = answer.html;
    box.hidden = false;
    box.querySelector("h4").focus({ preventScroll: true });
    box.scrollIntoView({ block: "nearest" });
  }

  function forget(id) {
    const box = $(id), held = box.contains(document.activeElement);
    if (id === "px-made-link") secret = "";
    box.replaceChildren();
    box.hidden = true;
    if (held) box.closest("section").querySelector("h3").focus({ preventScroll: true });
  }

  async function copy(node) {
    const box = node.closest(".px-row, .px-made"), code = box.querySelector("code") || box.parentElement.querySelector(".px-secret code");
    const told = node.closest(".px-row").querySelector("[role=status]");
    try {
      await navigator.clipboard.writeText(code.textContent);
      told.textContent = word("copied");
    } catch {
      getSelection().selectAllChildren(code); // Browsers allow it on this machine or over HTTPS only.
      told.textContent = word("copy_failed");
    }
  }

  function reveal(box) {
    box.closest("label").parentElement.querySelector("input[name=password]").type = box.checked ? "text" : "password";
  }

  // ---- events --------------------------------------------------------------------------------------------------------
  function clicked(event) {
    const tab = event.target.closest?.("#pg-tabs button[role=tab]");
    if (tab && tab.dataset.tabId === "share") playground.stored("sessionStorage", "tab", "share");
    const node = event.target.closest?.("#px-root button[data-do]");
    if (!node || node.type === "submit") return;
    const action = node.dataset.do;
    if (action === "copy") copy(node);
    else if (action === "seen") forget(node.closest(".px-made").id);
    else if (action === "open_now") document.querySelector("#px-root form[data-form=open] button[type=submit]").click();
    else act(action, node.dataset.argument || "", node);
  }

  function submitted(event) {
    if (!event.target.closest("#px-root")) return;
    event.preventDefault();
    const button = event.submitter || event.target.querySelector("button[type=submit]");
    act(button.dataset.do, button.dataset.argument || "", button);
  }

  function touched(event) {
    const control = event.target.closest?.("#px-root :is(input, select)");
    if (!control) return;
    control.dataset.touched = "1";
    if ("show" in control.dataset) reveal(control);
    if (control.name === "reach") $("px-http").hidden = control.value !== "network";
  }

  // One question at a time; the answer is looked for where it was asked.
  function unfolded(event) {
    const node = event.target;
    if (!node.open || !node.matches?.("#px-root .px-ask")) return;
    for (const other of node.parentElement.querySelectorAll(".px-ask[open]")) if (other !== node) other.open = false;
    node.querySelector("input")?.focus();
  }

  // ---- the tab -------------------------------------------------------------------------------------------------------
  function appear() {
    const root = $("px-root");
    if (!root || root.dataset.drawn) return;
    root.dataset.drawn = "1";
    playground.translate(root);
    $("px-base").textContent = `${location.origin}/v1`;
    for (const box of Object.keys(latest)) paint(box);
    connect();
  }

  function start() {
    document.addEventListener("click", clicked);
    document.addEventListener("submit", submitted);
    document.addEventListener("input", touched);
    document.addEventListener("toggle", unfolded, true);
    document.addEventListener("visibilitychange", connect);
    new MutationObserver(appear).observe($("pg-tabs"), { childList: true, subtree: true });
    new MutationObserver(connect).observe($("pg-tabs"), { subtree: true, attributeFilter: ["aria-selected"] });
    appear();
    if (playground.stored("sessionStorage", "tab") === "share") playgroundRooms.tab("share")?.click();
  }

  // After app.js, which names the buttons of the header when Gradio has drawn the page. Guests have no such tab.
  const wait = new MutationObserver(() => { if ($("pg-theme")?.title) { wait.disconnect(); start(); } });
  wait.observe(document, { childList: true, subtree: true });
})();
