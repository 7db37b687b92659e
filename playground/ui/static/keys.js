// Keyboard shortcuts and the sheet that lists them.
"use strict";

const playgroundKeys = (() => {
  const { word, act, state } = playground;
  const command = (event) => event.ctrlKey || event.metaKey;
  const last = (role) => [...document.querySelectorAll(`#pg-items article.${role}`)].pop();
  const press = (node) => { node?.click(); return Boolean(node); };
  const box = () => document.querySelector("#pg-message textarea");
  const typing = (event) => Boolean(event.target.closest?.("input, textarea, select, [contenteditable]"));
  const versions = (which) => () => {
    const shown = [...document.querySelectorAll("#pg-items .versions")].pop();
    return press(shown?.querySelector(`[data-action=${which}]`));
  };

  const KEYS = [
    ["Ctrl+K", "key.search", (e) => command(e) && e.code === "KeyK", () => { playground.drawer(innerWidth <= 720); const input = document.querySelector("#pg-search input"); input.focus(); input.select(); return true; }],
    ["Ctrl+Shift+O", "new_chat", (e) => command(e) && e.shiftKey && e.code === "KeyO", () => { playground.open(""); return true; }],
    ["Esc", "stop", (e) => e.key === "Escape" && state.streaming && !e.target.closest?.("#pg-search, .editing, #pg-info"), () => { act("stop"); return true; }],
    ["Alt+R", "regenerate", (e) => e.altKey && e.code === "KeyR", () => !state.streaming && press(last("assistant")?.querySelector("[data-action=regenerate]"))],
    ["Alt+E", "key.edit", (e) => e.altKey && e.code === "KeyE", () => press(last("user")?.querySelector("[data-action=edit]"))],
    ["↑", "key.edit_empty", (e) => e.key === "ArrowUp" && e.target === box() && !box().value, () => press(last("user")?.querySelector("[data-action=edit]"))],
    ["Alt+[", "previous", (e) => e.altKey && e.code === "BracketLeft", versions("previous")],
    ["Alt+]", "next", (e) => e.altKey && e.code === "BracketRight", versions("next")],
    ["Alt+I", "details", (e) => e.altKey && e.code === "KeyI", () => press(last("assistant")?.querySelector("[data-action=details]"))],
    ["/", "key.focus", (e) => e.key === "/" && !typing(e) && !command(e), () => { box().focus(); return true; }],
    ["?", "keys", (e) => e.key === "?" && !typing(e), () => { help(); return true; }],
    ["Ctrl+/", "keys", (e) => command(e) && e.key === "/", () => { help(); return true; }],
  ];

  function down(event) {
    // Elsewhere than in the chat, keys must not work on what cannot be seen.
    if (event.isComposing || playgroundMenus.isOpen() || !document.getElementById("pg-chat").offsetParent) return;
    for (const [, , meant, work] of KEYS) {
      if (!meant(event)) continue;
      if (work()) { event.preventDefault(); event.stopPropagation(); }
      return;
    }
  }

  function help() {
    const mac = /Mac/.test(navigator.platform);
    const rows = [...KEYS.map(([keys, label]) => [mac ? keys.replace("Ctrl", "⌘").replace("Alt", "⌥") : keys, word(label)]), ["Enter", word("send")], ["Shift+Enter", word("key.line")]];
    const html = rows.map(([keys, label]) => `<tr><td>${keys.split("+").map((one) => `<kbd>${one}</kbd>`).join("+")}</td><td>${label}</td></tr>`).join("");
    playgroundMenus.sheet(word("keys"), `<table class="keys">${html}</table>`);
  }

  return { down, help };
})();
