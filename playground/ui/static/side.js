// The left side: search with filters, the list's groups and menus, files in and out.
"use strict";

const playgroundSide = (() => {
  const { word, ask, act, open, stored } = playground;
  const $ = (id) => document.getElementById(id);
  let timer = 0, asked = 0, more = 0, query = "";

  // ---- search ------------------------------------------------------------------------------------------------------
  function searched() {
    clearTimeout(timer);
    more = 0;
    timer = setTimeout(search, 60);
  }

  function filters() {
    const values = {};
    for (const input of $("pg-filters").querySelectorAll("[name]")) {
      if (input.type === "checkbox" ? input.checked : input.value) values[input.name] = input.type === "checkbox" ? "true" : input.value;
    }
    return values;
  }

  async function search() {
    const input = document.querySelector("#pg-search input"), chosen = filters(), number = ++asked;
    query = input.value.trim();
    const active = Boolean(query || Object.keys(chosen).length);
    $("pg-results").hidden = !active;
    $("pg-list").hidden = active;
    if (!active) { $("pg-results").replaceChildren(); $("pg-found").textContent = ""; return; }
    const answer = await ask(`page/search?${new URLSearchParams({ ...chosen, q: input.value, more })}`);
    if (number !== asked) return;
    $("pg-found").textContent = answer.error ? "" : word("found", { n: answer.found });
    $("pg-results").innerHTML = answer.error ? "" : answer.html;
    if (answer.error) $("pg-results").append(Object.assign(document.createElement("p"), { className: "error", textContent: answer.error }));
    playground.translate($("pg-results"));
    for (const time of $("pg-results").querySelectorAll("time")) {
      time.textContent = new Date(time.dateTime).toLocaleDateString(document.documentElement.lang || undefined);
    }
  }

  async function toggleFilters() {
    const box = $("pg-filters"), shown = box.hidden;
    if (shown && !box.children.length) {
      const answer = await ask("page/filters");
      if (answer.error) return playground.notice(answer.error, "command");
      box.innerHTML = answer.html;
      playground.translate(box);
    }
    box.hidden = !shown;
    $("pg-filter-button").setAttribute("aria-expanded", String(shown));
    if (!shown) { box.replaceChildren(); search(); }
  }

  function hit(link) {
    const { conversation, message } = link.dataset;
    if (message) act("reveal", message, conversation);
    open(conversation, true, message || "");
  }

  // Marks what was searched for inside of a message, where the browser can.
  function highlight(node) {
    if (!window.Highlight || !CSS.highlights || !query) return;
    // The only letter that is longer when it is small: places must stay what they are.
    const small = (text) => text.replaceAll("İ", "i").toLowerCase();
    const terms = small(query.replaceAll('"', " ")).split(/\s+/).filter(Boolean), ranges = [];
    const walker = document.createTreeWalker(node.querySelector(".body") || node, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = small(walker.currentNode.data);
      for (const term of terms) {
        for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + term.length)) {
          const range = new Range();
          range.setStart(walker.currentNode, at);
          range.setEnd(walker.currentNode, at + term.length);
          ranges.push(range);
        }
      }
    }
    CSS.highlights.set("pg-found", new Highlight(...ranges));
  }

  // ---- the list ----------------------------------------------------------------------------------------------------
  function listed() {
    const folded = JSON.parse(stored("sessionStorage", "groups") || "{}");
    for (const group of $("pg-list").querySelectorAll("details[data-key]")) {
      const key = group.dataset.key;
      group.open = folded[key] ?? key.startsWith("folder:");
      group.addEventListener("toggle", () => {
        const now = JSON.parse(stored("sessionStorage", "groups") || "{}");
        stored("sessionStorage", "groups", JSON.stringify({ ...now, [key]: group.open }));
      });
    }
  }

  const folders = () => [...$("pg-list").querySelectorAll("details[data-key^='folder:']")].map((one) => one.dataset.key.slice(7));

  function conversationMenu(node, id) {
    const item = node.closest("li"), facts = JSON.parse(item.dataset.facts), title = item.querySelector("a span").textContent;
    playgroundMenus.menu(node, [
      [word("rename"), async () => {
        const found = await playgroundMenus.form(word("rename"), [{ name: "title", label: word("rename_prompt"), value: title }]);
        if (found && found.title.trim() && found.title !== title) act("rename", id, found.title);
      }],
      [word(facts.pinned ? "unpin" : "pin"), () => act("pin", id, facts.pinned ? "" : "1")],
      [word("move"), async () => {
        const found = await playgroundMenus.form(word("move"), [{ name: "folder", label: word("folder"), value: facts.folder, list: folders(), hint: word("folder_hint") }]);
        if (found) act("move", id, found.folder);
      }],
      [word("tags"), async () => {
        const found = await playgroundMenus.form(word("tags"), [{ name: "tags", label: word("tags"), value: facts.tags.join(", "), hint: word("tags_hint") }]);
        if (found) act("tags", id, found.tags);
      }],
      [word("duplicate"), () => act("duplicate", id)],
      [word("export"), () => exportMenu(node, id)],
      [word(facts.archived ? "unarchive" : "archive"), () => { playground.pendingUndo.archive = !facts.archived; act("archive", id, facts.archived ? "" : "1"); }],
      "-",
      [word("delete"), () => act("delete", id), { danger: true }],
    ]);
  }

  function folderMenu(node, name) {
    playgroundMenus.menu(node, [
      [word("rename"), async () => {
        const found = await playgroundMenus.form(word("rename"), [{ name: "folder", label: word("folder"), value: name }]);
        if (found && found.folder.trim() && found.folder !== name) act("rename_folder", name, found.folder);
      }],
      [word("dissolve"), () => act("rename_folder", name, ""), { danger: true }],
    ]);
  }

  // ---- files in and out ----------------------------------------------------------------------------------------------
  const FORMATS = ["markdown", "html", "json", "openai", "sharegpt", "alpaca"];

  function exportMenu(node, ids, upto = "") {
    playgroundMenus.menu(node, FORMATS.map((format) => [word(`format.${format}`), () => download(format, ids, upto), { hint: word(`format.${format}_hint`) }]));
  }

  async function download(format, ids, upto) {
    const answer = await saved(`page/export?${new URLSearchParams({ format, c: ids, upto })}`);
    if (answer.error) return playground.notice(answer.error, "command");
    playground.toast(word("exported", answer));
  }

  // A file of our server into the user's downloads: its name, or what went wrong in words.
  async function saved(address) {
    // Asked for first, so that what goes wrong is told here and not on a page of its own.
    const answer = await fetch(address).catch(() => null);
    if (!answer?.ok) {
      const told = await answer?.json().catch(() => null);
      return { error: told?.error || word("offline") };
    }
    const file = await answer.blob().catch(() => null); // It may break off on the way.
    if (!file) return { error: word("offline") };
    const name = decodeURIComponent((answer.headers.get("content-disposition") || "").split("''")[1] || "export");
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    return { name };
  }

  async function take(files) {
    playground.forget("import:");
    for (const file of files) {
      playground.toast(word("importing", { name: file.name }));
      let answer;
      try {
        answer = await (await fetch(`page/import?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file })).json();
      } catch { answer = { error: word("offline") }; }
      if (answer.error) playground.notice(`${file.name}: ${answer.error}`, `import:${file.name}`);
      else playgroundMenus.sheet(word("import"), answer.html);
      playground.toast("");
    }
  }

  // ---- clicks --------------------------------------------------------------------------------------------------------
  function click(node, action, argument) {
    if (node.id === "pg-filter-button") { toggleFilters(); return true; }
    if (action === "conversation_menu") { conversationMenu(node, argument); return true; }
    if (action === "folder_menu") { folderMenu(node, argument); return true; }
    if (action === "export_all") { exportMenu(node, ""); return true; }
    if (action === "import") { $("pg-import").click(); return true; }
    if (action === "more_results") { more += 1; search(); return true; }
    return false;
  }

  function start() {
    const input = document.querySelector("#pg-search input");
    input.addEventListener("input", searched);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); input.value = ""; searched(); input.blur(); playground.focusBox(); }
      if (event.key === "ArrowDown") { event.preventDefault(); $("pg-results").querySelector("a")?.focus(); }
      if (event.key === "Enter") $("pg-results").querySelector("a")?.click();
    });
    $("pg-filters").addEventListener("input", searched);
    $("pg-results").addEventListener("keydown", (event) => {
      const links = [...$("pg-results").querySelectorAll("a")], at = links.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      (links[to] || input).focus();
    });
    $("pg-results").addEventListener("click", (event) => {
      const link = event.target.closest("a[data-conversation]");
      if (link && !event.ctrlKey && !event.metaKey) { event.preventDefault(); hit(link); }
    });
    playgroundRooms.picks($("pg-import"), take);
  }

  return { click, start, listed, highlight, exportMenu, folders, saved };
})();
