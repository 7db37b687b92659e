// Menus, small forms and sheets. They know nothing of chats.
"use strict";

const playgroundMenus = (() => {
  const { word } = playground;
  let open = null, opener = null;

  function close() {
    open?.remove();
    open = null;
    opener?.setAttribute("aria-expanded", "false");
    opener = null;
  }

  // `items`: [label, handler, { checked, danger }] or "-"; they open below the anchor, or above it where there is no room.
  function menu(anchor, items) {
    const again = opener === anchor;
    close();
    if (again) return;
    open = document.createElement("div");
    open.className = "pg-menu";
    open.setAttribute("role", "menu");
    for (const item of items) {
      if (item === "-") { open.append(document.createElement("hr")); continue; }
      const [label, handler, more = {}] = item;
      const node = document.createElement("button");
      node.type = "button";
      node.setAttribute("role", more.checked === undefined ? "menuitem" : "menuitemradio");
      if (more.checked !== undefined) node.setAttribute("aria-checked", String(more.checked));
      if (more.danger) node.className = "danger";
      node.textContent = label;
      if (more.hint) {
        const hint = document.createElement("small");
        hint.textContent = more.hint;
        node.append(hint);
      }
      node.addEventListener("click", (event) => {
        event.stopPropagation();
        const from = opener;
        close();
        from.focus({ preventScroll: true }); // A dialog that opens now gives it back there.
        handler(from);
      });
      open.append(node);
    }
    document.body.append(open);
    const at = anchor.getBoundingClientRect(), size = open.getBoundingClientRect();
    const top = at.bottom + size.height > innerHeight - 8 ? Math.max(8, at.top - size.height) : at.bottom;
    open.style.top = `${top}px`;
    open.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
    opener = anchor;
    anchor.setAttribute("aria-expanded", "true");
    open.querySelector("[aria-checked=true], button")?.focus();
    open.addEventListener("keydown", (event) => {
      const all = [...open.querySelectorAll("button")], at = all.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to !== undefined) { event.preventDefault(); all[(to + all.length) % all.length].focus(); }
      if (event.key === "Escape" || event.key === "Tab") { event.preventDefault(); event.stopPropagation(); close(); anchor.focus(); }
    });
  }

  document.addEventListener("click", (event) => { if (open && !open.contains(event.target) && !opener?.contains(event.target)) close(); }, true);

  function dialog(title) {
    const node = document.createElement("dialog");
    node.className = "pg-dialog";
    const heading = document.createElement("h2");
    heading.textContent = title;
    heading.id = "pg-dialog-title";
    node.setAttribute("aria-labelledby", heading.id);
    node.append(heading);
    node.addEventListener("close", () => node.remove());
    document.body.append(node);
    return node;
  }

  // Resolves to the values by name, or to null when it was cancelled. A field: { name, label, value, kind, options, hint }.
  function form(title, fields, submit = word("ok"), check = null) {
    return new Promise((resolve) => {
      const node = dialog(title), body = document.createElement("form");
      body.method = "dialog";
      const inputs = {};
      for (const field of fields) {
        const label = document.createElement("label");
        label.textContent = field.label;
        const input = document.createElement(field.kind === "textarea" || field.kind === "select" ? field.kind : "input");
        if (input.tagName === "INPUT") input.type = field.kind || "text";
        input.autocomplete = "off";
        if (field.kind === "textarea") input.rows = 6;
        if (field.kind === "number") input.step = "any";
        for (const [value, text] of field.options || []) input.add(new Option(text, value));
        input.value = field.value ?? "";
        if (field.list) {
          const list = document.createElement("datalist");
          list.id = `pg-list-${field.name}`;
          for (const one of field.list) list.append(new Option(one));
          label.append(list);
          input.setAttribute("list", list.id);
        }
        label.append(input);
        if (field.hint) {
          const hint = Object.assign(document.createElement("small"), { textContent: field.hint, id: `pg-hint-${field.name}` });
          label.append(hint);
          // The name is the label alone.
          input.setAttribute("aria-label", field.label);
          input.setAttribute("aria-describedby", hint.id);
        }
        inputs[field.name] = input;
        body.append(label);
      }
      const error = Object.assign(document.createElement("p"), { className: "error" });
      error.setAttribute("role", "alert");
      const row = Object.assign(document.createElement("div"), { className: "pg-row" });
      const cancel = playground.button(word("cancel"), () => node.close());
      const ok = Object.assign(document.createElement("button"), { type: "submit", className: "primary", textContent: submit });
      row.append(cancel, ok);
      body.append(error, row);
      let result = null;
      body.addEventListener("submit", async (event) => {
        event.preventDefault();
        const values = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]));
        const wrong = check ? await check(values) : "";
        error.textContent = wrong || "";
        if (wrong) return;
        result = values;
        node.close();
      });
      node.addEventListener("close", () => resolve(result));
      node.append(body);
      node.showModal();
      const first = body.querySelector("input, textarea, select");
      first?.focus();
      if (first?.select && first.tagName === "INPUT") first.select();
    });
  }

  function sheet(title, html) {
    const node = dialog(title), body = document.createElement("div");
    body.className = "sheet";
    body.innerHTML = html;
    playground.translate(body);
    const row = Object.assign(document.createElement("div"), { className: "pg-row" });
    row.append(playground.button(word("close"), () => node.close()));
    node.append(body, row);
    // A link leads to what lies behind the sheet.
    body.addEventListener("click", (event) => { if (event.target.closest("a[data-open]")) node.close(); });
    node.showModal();
    return node;
  }

  return { menu, form, sheet, close, isOpen: () => Boolean(open || document.querySelector("dialog[open]")) };
})();
