// Several conversations at once: chosen in the list by boxes, then exported, moved, archived or deleted together.
"use strict";

const playgroundSelect = (() => {
  const { word, act } = playground;
  const $ = (id) => document.getElementById(id);
  const chosen = new Set();
  let on = false;

  function toggle(now) {
    on = now;
    chosen.clear();
    document.body.classList.toggle("selecting", on);
    draw();
  }

  // The list is drawn anew with each change: boxes belong to it only while one selects.
  function draw() {
    for (const item of $("pg-list").querySelectorAll("li[data-facts]")) {
      const id = item.querySelector("a").dataset.open;
      let box = item.querySelector("input");
      if (!on) { box?.remove(); continue; }
      if (!box) {
        box = Object.assign(document.createElement("input"), { type: "checkbox" });
        box.setAttribute("aria-label", item.querySelector("a span").textContent);
        box.addEventListener("change", () => { box.checked ? chosen.add(id) : chosen.delete(id); bar(); });
        item.prepend(box);
      }
      box.checked = chosen.has(id);
    }
    bar();
  }

  function bar() {
    const box = $("pg-selected");
    box.hidden = !on;
    if (!on) return box.replaceChildren();
    const count = Object.assign(document.createElement("b"), { textContent: word("selected", { n: chosen.size }) });
    const all = playground.button(word("select_all"), () => { for (const link of $("pg-list").querySelectorAll("li[data-facts] a")) chosen.add(link.dataset.open); draw(); });
    const some = [
      playground.button(word("export"), () => playgroundSide.exportMenu(box, [...chosen].join(","))),
      playground.button(word("move"), async () => {
        const found = await playgroundMenus.form(word("move"), [{ name: "folder", label: word("folder"), list: playgroundSide.folders(), hint: word("folder_hint") }]);
        if (found) each("move", found.folder);
      }),
      playground.button(word("archive"), () => each("archive", "1")),
      playground.button(word("delete"), () => each("delete", "")),
    ];
    for (const one of some) one.disabled = !chosen.size;
    box.replaceChildren(count, all, ...some, playground.button(word("cancel"), () => toggle(false)));
  }

  function each(what, value) {
    act("each", what, { ids: [...chosen], value });
    toggle(false);
  }

  function click(node, action) {
    if (action !== "select_some") return false;
    toggle(!on);
    return true;
  }

  function start() {
    $("pg-list").addEventListener("click", (event) => {
      const item = on && event.target.closest("li[data-facts]");
      if (!item || event.target.closest("input, button")) return;
      event.preventDefault();
      event.stopPropagation();
      item.querySelector("input").click();
    }, true);
  }

  return { click, start, draw };
})();
