// What can be done with a message: edit in place, vote, star, leave out, retry otherwise, delete.
"use strict";

const playgroundMessages = (() => {
  const { word, ask, act, stored, state } = playground;

  // ---- editing in place: what is typed outlives a reload, and never overwrites what was there -------------------------
  const draftKey = (id) => `edit:${id}`;

  async function edit(id) {
    const message = await ask(`page/text/${id}`), article = document.getElementById(`m-${id}`);
    if (message.error) return playground.notice(message.error, "command");
    if (article) openBox(article, id, stored("sessionStorage", draftKey(id)) || message.text).focus();
  }

  // Boxes that were open when the page was loaded anew, or the branch was left.
  function restore() {
    for (const article of document.querySelectorAll("#pg-items article")) {
      const { id } = article.dataset, text = stored("sessionStorage", draftKey(id));
      if (text && !waiting.has(id)) openBox(article, id, text);
    }
  }

  function openBox(article, id, text) {
    const before = article.querySelector(".editing textarea");
    if (before) return before;
    const body = article.querySelector(".body") || article.querySelector(".who");
    const user = article.classList.contains("user"), key = draftKey(id);
    const box = Object.assign(document.createElement("div"), { className: "editing" });
    const area = Object.assign(document.createElement("textarea"), { value: text, autocomplete: "off" });
    area.setAttribute("aria-label", word("edit"));
    const remove = () => {
      box.remove();
      body.hidden = false;
      playground.caughtUp(article).querySelector("[data-action=edit], [data-action=more]")?.focus();
    };
    const close = () => { stored("sessionStorage", key, ""); remove(); };
    const save = () => {
      // Kept until the answer is there: a refusal must not cost what was typed.
      stored("sessionStorage", key, area.value);
      waiting.add(id);
      remove();
      act(user ? "edit" : "edit_reply", id, area.value);
    };
    const row = Object.assign(document.createElement("div"), { className: "pg-row" });
    const ok = playground.button(word(user ? "edit_send" : "edit_save"), save);
    ok.className = "primary";
    row.append(playground.button(word("cancel"), close), ok, Object.assign(document.createElement("small"), { textContent: word(user ? "edit_hint" : "edit_reply_hint") }));
    area.addEventListener("input", () => { stored("sessionStorage", key, area.value); grow(area); });
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); close(); }
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); save(); }
    });
    box.append(area, row);
    if (body.matches(".body")) body.hidden = true;
    body.after(box);
    grow(area);
    return area;
  }

  const waiting = new Set();
  // Told by the page when an edit was answered: on success its draft goes, else the box is there again.
  function answered(result) {
    if (!["edit", "edit_reply"].includes(result.action) || !waiting.delete(result.argument)) return;
    if (result.error) restore();
    else stored("sessionStorage", draftKey(result.argument), "");
  }

  function failed() {
    waiting.clear();
    restore();
  }

  function grow(area) {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 4, innerHeight * 0.6)}px`;
  }

  // ---- votes -----------------------------------------------------------------------------------------------------------
  async function vote(node, id, value) {
    if (node.getAttribute("aria-pressed") === "true") return act("vote", id, { vote: 0, reason: "" });
    act("vote", id, { vote: value, reason: "" });
    playground.toast(word("voted"), null, [word("say_why"), () => why(id, value)]);
  }

  async function why(id, vote, before = "") {
    const label = word(vote > 0 ? "why_good" : "why_bad");
    const found = await playgroundMenus.form(word("say_why"), [{ name: "reason", label, kind: "textarea", value: before }]);
    if (found) act("vote", id, { vote, reason: found.reason });
  }

  // ---- retry -------------------------------------------------------------------------------------------------------------
  async function retry(id) {
    const models = await ask("page/choices");
    if (models.error) return playground.notice(models.error, "command");
    const options = [["", word("same_model")], ...(models.models || [])];
    const found = await playgroundMenus.form(word("retry"), [
      { name: "model", label: word("model"), kind: "select", options },
      { name: "temperature", label: word("temperature"), kind: "number", hint: word("empty_keeps") },
      { name: "top_p", label: word("top_p"), kind: "number" },
      { name: "seed", label: word("seed"), kind: "number" },
    ], word("retry_go"));
    if (!found) return;
    const value = { model: found.model };
    for (const name of ["temperature", "top_p"]) if (found[name] !== "") value[name] = Number(found[name]);
    value.seed = found.seed === "" ? null : Number(found.seed);
    act("retry", id, value);
  }

  function moreMenu(node, id) {
    const article = node.closest("article"), facts = node.parentElement.dataset, reply = article.classList.contains("assistant");
    const items = [
      [word(facts.star ? "unstar" : "star"), () => act("star", id, facts.star ? "" : "1")],
      [word(facts.out ? "take_in" : "leave_out"), () => act("leave_out", id, facts.out ? "" : "1")],
    ];
    if (reply) {
      const voted = article.querySelector("[data-action^=vote][aria-pressed=true]")?.dataset.action;
      if (voted) items.push([word("say_why"), () => why(id, voted === "vote_up" ? 1 : -1, facts.reason)]);
      items.push([word("edit"), () => edit(id)], [word("retry"), () => retry(id)], [word("tokens_tab"), () => playgroundDetails.show("tokens", id)]);
    }
    items.push([word("tree"), () => playgroundDetails.show("tree", id)], [word("export_upto"), () => playgroundSide.exportMenu(node, state.conversation, id)]);
    items.push("-", [word("delete_message"), () => act("delete_message", id), { danger: true }]);
    playgroundMenus.menu(node, items);
  }

  function larger(name, id) {
    const node = playgroundMenus.sheet(name, "");
    node.classList.add("pg-image");
    node.querySelector(".sheet").append(Object.assign(document.createElement("img"), { src: `page/image/${id}`, alt: name }));
  }

  function click(node, action, argument) {
    if (action === "edit") { edit(argument); return true; }
    if (action === "vote_up" || action === "vote_down") { vote(node, argument, action === "vote_up" ? 1 : -1); return true; }
    if (action === "image") { larger(node.dataset.name, argument); return true; }
    if (action === "more") { moreMenu(node, argument); return true; }
    return false;
  }

  return { click, restore, answered, failed };
})();
