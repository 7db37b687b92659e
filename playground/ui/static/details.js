// The drawer on the right: a reply's record and replay, its tokens, the tree of the conversation.
"use strict";

const playgroundDetails = (() => {
  const { word, ask, act, state } = playground;
  const $ = (id) => document.getElementById(id);
  let tab = "record", message = "", timer = 0, drawn = "", asked = 0, opener = null;

  function show(which, id) {
    const was = $("pg-info").hidden;
    tab = which;
    message = id || message || lastReply();
    if (was) opener = document.activeElement;
    $("pg-info").hidden = false;
    document.body.classList.add("info");
    drawn = "";
    refresh();
    if (was) $("pg-info-tabs").querySelector("[aria-selected=true]").focus();
  }

  function close() {
    $("pg-info").hidden = true;
    document.body.classList.remove("info");
    clearTimeout(timer);
    if (opener?.isConnected) opener.focus();
    playground.focusBox();
  }

  async function refresh() {
    clearTimeout(timer);
    if ($("pg-info").hidden) return;
    for (const one of $("pg-info-tabs").querySelectorAll("[role=tab]")) {
      one.setAttribute("aria-selected", String(one.dataset.info === tab));
      one.tabIndex = one.dataset.info === tab ? 0 : -1;
    }
    const addresses = { record: `page/details/${message}`, tokens: `page/tokens/${message}`, tree: `page/tree?c=${state.conversation}` };
    const known = tab === "tree" ? state.conversation : message, number = ++asked, body = $("pg-info-body");
    const answer = known ? await ask(addresses[tab]) : { html: `<p class="hint">${word(tab === "tree" ? "empty_tree" : "no_record")}</p>` };
    if (number !== asked) return;
    const html = answer.error ? "" : answer.html;
    if (answer.error) body.replaceChildren(Object.assign(document.createElement("p"), { className: "error", textContent: answer.error }));
    else if (html !== drawn) {
      const top = body.scrollTop;
      body.innerHTML = html;
      body.scrollTop = top;
      playground.translate(body);
    }
    drawn = html;
    if (answer.busy) timer = setTimeout(refresh, 250);
  }

  function changed() {
    if ($("pg-info").hidden) return;
    if (!message) message = lastReply();
    if (tab === "tree" || !drawn) refresh();
  }

  // Another conversation is shown.
  function opened(same) {
    if (same) return;
    message = drawn = "";
    refresh();
  }

  // All tokens are one stop of the Tab key; arrows go on from there.
  function rove(all, to) {
    for (const one of all) one.tabIndex = one === to ? 0 : -1;
    to.focus();
  }

  function tokenMenu(node) {
    const box = node.closest(".tks"), all = [...box.querySelectorAll(".tk")], at = all.indexOf(node);
    rove(all, node);
    const before = all.slice(0, at).map((one) => one.dataset.text).join("");
    const items = JSON.parse(node.dataset.top).map(([text, chance]) => {
      const label = `${JSON.stringify(text)}  ${(100 * chance).toFixed(1)} %`;
      const same = text === node.dataset.text;
      return [label, () => { if (!same) act("continue_from", box.dataset.message, { at, text: before + text }); }, { checked: same, hint: same ? "" : word("continue_from_this") }];
    });
    playgroundMenus.menu(node, items);
  }

  function click(node, action, argument) {
    if (node.classList.contains("tk") && node.closest(".tks")) { tokenMenu(node); return true; }
    if (node.dataset.info) { show(node.dataset.info); return true; }
    if (action === "close_info") { close(); return true; }
    if (action === "details") { show("record", argument); return true; }
    if (action === "select" && node.closest(".tree")) { act("select", argument); playground.open(state.conversation, false, argument); return true; }
    if (action === "replay" || action === "replay_now") {
      act("replay", argument, action === "replay_now" ? "now" : "");
      timer = setTimeout(refresh, 250);
      return true;
    }
    if (action === "stop_replay") { act("stop_replay", argument); timer = setTimeout(refresh, 250); return true; }
    return false;
  }

  const lastReply = () => [...document.querySelectorAll("#pg-items article.assistant")].pop()?.dataset.id || "";

  function start() {
    $("pg-info").addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); close(); }
      const tokens = event.target.closest(".tks .tk") ? [...event.target.closest(".tks").querySelectorAll(".tk")] : [], token = tokens.indexOf(event.target);
      const next = { ArrowRight: token + 1, ArrowDown: token + 1, ArrowLeft: token - 1, ArrowUp: token - 1, Home: 0, End: tokens.length - 1 }[event.key];
      if (tokens[next]) { event.preventDefault(); rove(tokens, tokens[next]); return; }
      const tabs = [...$("pg-info-tabs").querySelectorAll("[role=tab]")], at = tabs.indexOf(event.target);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
      if (at >= 0 && to !== undefined) { event.preventDefault(); const next = tabs.at(to % tabs.length); next.focus(); next.click(); }
    });
  }

  return { click, start, show, changed, opened };
})();
