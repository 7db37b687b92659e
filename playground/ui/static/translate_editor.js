// The rows of a translation: a page of them at a time, saved when they are confirmed or left. It decides nothing.
"use strict";

const playgroundEditor = (() => {
  const { word, ask, stored } = playground;
  const { state, say } = playgroundTranslate;
  const $ = (id) => document.getElementById(id);
  let shown = "all", order = "place", loading = null, helped = 0, timer = 0, compared = false;

  const rows = () => [...$("pt-rows").querySelectorAll(".pt-row")];
  const row = (key) => $("pt-rows").querySelector(`[data-row="${key}"]`);
  const box = (one) => one.querySelector("textarea");
  const dirty = (one) => box(one).value !== box(one).dataset.stored;
  const place = (one) => { const [document, position] = one.dataset.row.split("-").map(Number); return { document, position }; };

  // What was typed and could not be saved yet outlives a reload.
  const unsaved = () => { try { return JSON.parse(stored("sessionStorage", `rows:${state.run}`) || "{}"); } catch { return {}; } };
  function note(key, text) {
    const all = unsaved();
    if (text === null) delete all[key];
    else all[key] = text;
    stored("sessionStorage", `rows:${state.run}`, Object.keys(all).length ? JSON.stringify(all) : "");
  }

  // ---- rows ------------------------------------------------------------------------------------------------------------
  function opened() {
    loading = null;
    compared = false;
    shown = "all";
    order = $("pt-order").value = "place";
    $("pt-rows").replaceChildren();
    $("pt-more").hidden = $("pt-empty").hidden = true;
  }

  async function load(anew = false) {
    if (loading && !anew) return loading;
    const mine = (loading = fetchRows(anew));
    await mine;
    if (loading === mine) loading = null;
  }

  async function fetchRows(anew) {
    const run = state.run, wanted = `${shown}/${order}`, have = anew ? [] : rows().map((one) => one.dataset.row);
    const answer = await ask("page/translate/rows", { run, shown, order, have });
    if (run !== state.run || wanted !== `${shown}/${order}`) return;
    if (answer.error) return say(answer.error, true);
    $("pt-scores").innerHTML = answer.scores; // Kept while the app runs.
    // Who was writing in a row keeps it, wherever it stands now.
    const kept = anew ? rows().filter((one) => one.contains(document.activeElement) || dirty(one)) : [];
    for (const one of anew ? rows() : []) if (!kept.includes(one)) one.remove();
    const typed = unsaved(), fresh = [];
    for (const [key, html] of answer.rows) {
      const old = row(key);
      if (old) { update(old, made(html)); $("pt-rows").append(old); continue; }
      const one = made(html);
      $("pt-rows").append(one);
      fresh.push(one);
      if (key in typed && typed[key] !== box(one).value) { box(one).value = typed[key]; one.classList.add("changed"); }
    }
    for (const one of kept) if (!answer.rows.some(([key]) => key === one.dataset.row)) one.remove();
    grow(fresh);
    $("pt-more").hidden = !answer.more;
    $("pt-empty").hidden = rows().length > 0;
    $("pt-order").querySelector("[value=worst]").disabled = !compared;
  }

  function made(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    fresh.content.firstElementChild.dataset.run = state.run;
    return fresh.content.firstElementChild;
  }

  // Browsers that do not let a box grow with its text by themselves are helped.
  function grow(some) {
    if (CSS.supports("field-sizing", "content")) return;
    for (const one of some) box(one).style.height = "auto";
    const heights = some.map((one) => box(one).scrollHeight + 2);
    some.forEach((one, at) => { box(one).style.height = `${heights[at]}px`; });
  }

  // Brings a row up to date; what a person types in it stays.
  function update(old, fresh) {
    const mine = box(old), theirs = box(fresh), busy = mine === document.activeElement || dirty(old);
    const changed = old.classList.contains("changed");
    old.className = fresh.className;
    old.classList.toggle("changed", changed && dirty(old));
    old.dataset.doubtful = fresh.dataset.doubtful;
    old.querySelector(".pt-n").replaceWith(fresh.querySelector(".pt-n"));
    old.querySelector(".pt-about").replaceWith(fresh.querySelector(".pt-about"));
    if (busy && theirs.value === mine.value) mine.dataset.stored = theirs.value;
    else if (busy) old.dataset.later = theirs.value; // Shown when the row is left as it was.
    if (busy) return;
    mine.value = mine.dataset.stored = theirs.value;
    grow([old]);
  }

  function left(one) {
    const { later } = one.dataset;
    delete one.dataset.later;
    if (later === undefined || dirty(one)) return;
    box(one).value = box(one).dataset.stored = later;
    grow([one]);
  }

  function changed(fresh) {
    for (const [key, html] of Object.entries(fresh)) if (row(key)) update(row(key), made(html));
  }

  function counted(counts, target) {
    for (const button of $("pt-filters").querySelectorAll("[data-shown]")) {
      const { shown: name } = button.dataset;
      button.querySelector("b").textContent = counts[name].toLocaleString();
      button.hidden = name === "failed" && !counts.failed && shown !== "failed";
      button.setAttribute("aria-pressed", String(name === shown));
    }
    $("pt-rows").dataset.target = target;
  }

  function filter(name) {
    shown = name;
    for (const button of $("pt-filters").querySelectorAll("[data-shown]")) button.setAttribute("aria-pressed", String(button.dataset.shown === name));
    return load(true);
  }

  function scored() {
    compared = true;
    load(true);
  }

  // ---- saving ----------------------------------------------------------------------------------------------------------
  async function save(one, confirm) {
    // The run that the row is of: when another is opened, the row is left only after that.
    const text = box(one).value, run = one.dataset.run, base = box(one).dataset.stored;
    if (!confirm && !dirty(one)) { told(one, ""); note(one.dataset.row, null); left(one); return true; }
    if (confirm && !text.trim()) { told(one, word("t.empty_row")); return false; }
    one.dataset.saving = text;
    const answer = await ask("page/translate/write", { run, ...place(one), text, confirm, base });
    delete one.dataset.saving;
    if (run !== state.run) return !answer.error;
    told(one, answer.error || "");
    if (answer.error) {
      one.classList.add("changed");
      // Who has been told of another's text may put their own in its place.
      if (one.dataset.later !== undefined) { box(one).dataset.stored = one.dataset.later; delete one.dataset.later; }
      return false;
    }
    if (box(one).value === text) { note(one.dataset.row, null); one.classList.remove("changed"); }
    box(one).dataset.stored = text;
    delete one.dataset.later;
    update(one, made(answer.html));
    return true;
  }

  function told(one, text) {
    one.querySelector(".pt-cell > .error").textContent = text;
  }

  async function confirm(one) {
    if (await save(one, true)) await go(one, 1);
  }

  // To the next shown row, or the one before; where the page ends, more are fetched.
  async function go(one, step, wanted = () => true) {
    let all = rows(), at = all.indexOf(one) + step;
    for (;;) {
      for (; at >= 0 && at < all.length; at += step) if (wanted(all[at])) return focus(all[at]);
      if (step < 0 || $("pt-more").hidden) return false;
      const before = all.length;
      await load();
      all = rows();
      if (all.length === before) return false;
    }
  }

  function focus(one) {
    box(one).focus({ preventScroll: true });
    one.scrollIntoView({ block: "nearest" });
    return true;
  }

  async function nextDoubtful() {
    const here = document.activeElement?.closest?.(".pt-row"), doubtful = (one) => one.dataset.doubtful === "1";
    if (!(await go(here, 1, doubtful)) && !(here && (await go(null, 1, (one) => doubtful(one) && one !== here)))) say(word("t.no_doubtful"));
  }

  // ---- help ------------------------------------------------------------------------------------------------------------
  function entered(one) {
    for (const other of rows()) if (other !== one) other.querySelector(".pt-help").replaceChildren();
    clearTimeout(timer);
    timer = setTimeout(() => help(one), 80);
  }

  async function help(one) {
    const number = ++helped, answer = await ask("page/translate/help", { run: one.dataset.run, ...place(one), text: box(one).value });
    if (number !== helped || !one.contains(document.activeElement)) return;
    one.querySelector(".pt-help").innerHTML = answer.html || "";
    one.scrollIntoView({ block: "nearest" });
  }

  // As if it were typed, so that Ctrl+Z takes it back.
  function put(one, text) {
    const area = box(one);
    area.focus();
    area.select();
    if (!document.execCommand("insertText", false, text)) { area.value = text; area.dispatchEvent(new Event("input", { bubbles: true })); }
  }

  function offer(one, keys) {
    const found = one.querySelector(`[data-offer="${keys}"]`);
    if (found) put(one, found.dataset.text);
    return Boolean(found);
  }

  const copySource = (one) => put(one, one.querySelector(".pt-source > span").textContent);

  // A doubt leads to its place: characters as Python counts them.
  function reveal(one, start, end) {
    const area = box(one), all = [...area.value], at = (n) => all.slice(0, n).join("").length;
    area.focus();
    area.setSelectionRange(at(start), at(end));
  }

  // ---- events ----------------------------------------------------------------------------------------------------------
  function click(node, action) {
    const one = node.closest(".pt-row");
    if (action === "filter") filter(node.dataset.shown);
    else if (action === "more") load();
    else if (one && node.dataset.offer) put(one, node.dataset.text);
    else if (one && node.classList.contains("pt-doubt")) reveal(one, Number(node.dataset.start), Number(node.dataset.end));
  }

  const number = (event) => /^Digit[123]$/.test(event.code) && event.code.slice(5);

  // Each answers whether it did something.
  function pressed(event, one) {
    const command = event.ctrlKey || event.metaKey, { altKey: alt, key, code } = event;
    if (command && !alt && key === "Enter") return confirm(one), true;
    if (alt && !command && key === "ArrowDown") return go(one, 1), true;
    if (alt && !command && key === "ArrowUp") return go(one, -1), true;
    if (command && !alt && number(event)) return offer(one, `Ctrl+${number(event)}`), true;
    if (alt && !command && number(event)) return offer(one, `Alt+${number(event)}`), true;
    if (command && (key === "Insert" || (alt && code === "KeyS"))) return copySource(one), true;
    return false;
  }

  function keydown(event) {
    if ($("pt-run").hidden || !playgroundTranslate.visible() || event.isComposing || playgroundMenus.isOpen()) return;
    const one = event.target.matches?.(".pt-row textarea") && event.target.closest(".pt-row");
    const typing = event.target.closest?.("input, textarea, select");
    let done = one && pressed(event, one);
    if (event.key === "F8") { nextDoubtful(); done = true; }
    if (event.key === "?" && !typing) { $("pt-keys").open = !$("pt-keys").open; done = true; }
    if (done) { event.preventDefault(); event.stopPropagation(); }
  }

  function appear() {
    const list = $("pt-rows");
    list.addEventListener("focusin", (event) => { if (event.target.matches("textarea")) entered(event.target.closest(".pt-row")); });
    list.addEventListener("focusout", (event) => {
      const one = event.target.matches("textarea") && event.target.closest(".pt-row");
      // A button of the row itself is not a way out of it.
      if (one && !one.contains(event.relatedTarget) && one.dataset.saving !== box(one).value) save(one, false);
    });
    list.addEventListener("input", (event) => {
      const one = event.target.closest(".pt-row");
      one.classList.toggle("changed", dirty(one));
      note(one.dataset.row, dirty(one) ? box(one).value : null);
      grow([one]);
    });
    $("pt-order").addEventListener("change", () => { order = $("pt-order").value; load(true); });
    new IntersectionObserver(([seen]) => { if (seen.isIntersecting && !loading) load(); }, { root: null, rootMargin: "400px" }).observe($("pt-more"));
    document.addEventListener("keydown", keydown, true);
  }

  return { opened, load, changed, counted, scored, click, appear };
})();
