// What the tabs of summaries, translations and trainings share: files on their way into a draft, the list, and words that pass by.
"use strict";

const playgroundRooms = (() => {
  const { word } = playground;
  const $ = (id) => document.getElementById(id);

  // `box` is the id of the list that shows them; `address` says where a file goes, asked when it goes; `taken` hears of
  // each that could be read.
  function uploads(box, address, taken) {
    let coming = [], sending = Promise.resolve();

    // Most reasons name the file already, with blanks that do not break.
    const named = ({ name, error }) => (error.replace(/\s/g, " ").includes(name) ? error : `${name}: ${error}`);
    const drop = (one) => { coming = coming.filter((other) => other !== one); };

    function draw() {
      $(box).replaceChildren(...coming.map((one) => {
        const line = document.createElement("li"), said = document.createElement("span");
        said.textContent = one.error ? named(one) : word(one.percent === 100 ? "s.reading_file" : "s.uploading", one);
        if (one.error) { said.className = "error"; said.setAttribute("role", "alert"); }
        const off = playground.button("×", () => { one.off = true; one.request?.abort(); drop(one); draw(); });
        off.setAttribute("aria-label", word("s.remove", one));
        line.append(said, off);
        return line;
      }));
    }

    function send(file, one) {
      if (one.off) return Promise.resolve();
      return new Promise((resolve) => {
        const request = (one.request = new XMLHttpRequest());
        const end = (answer) => {
          one.error = answer.error || "";
          if (!one.error) taken(answer);
          resolve();
        };
        request.upload.onprogress = (event) => { one.percent = event.total ? Math.round((100 * event.loaded) / event.total) : 0; draw(); };
        request.onload = () => { try { end(JSON.parse(request.responseText)); } catch { end({ error: word("failed") }); } };
        request.onerror = () => end({ error: word("offline") });
        request.onabort = resolve;
        request.open("POST", address(encodeURIComponent(file.name)));
        request.send(file);
      });
    }

    return {
      // One after the other: they belong to the same draft, and stand in it in this order.
      add(files) {
        for (const file of files) {
          const one = { name: file.name, percent: 0, off: false, error: "" };
          coming.push(one);
          sending = sending.then(() => send(file, one)).finally(() => { if (!one.error) drop(one); draw(); });
        }
        draw();
      },
      clear() { coming = []; draw(); },
      failed: () => coming.filter((one) => one.error).length,
      sent: () => sending,
    };
  }

  // What happened, below, where it passes unless there is something to do; what went wrong, above.
  function teller(above, below) {
    let hide = 0;
    return (text, wrong = false, action = null) => {
      clearTimeout(hide);
      $(above).textContent = wrong ? text : "";
      $(below).textContent = wrong ? "" : text;
      if (action) $(below).append(" ", action);
      else hide = setTimeout(() => { $(below).textContent = ""; }, 10_000);
    };
  }

  // What one does with what a list shows; `id` is the attribute that names it.
  function listed(box, id, { state, open, send, say }) {
    function menu(button, run) {
      const title = document.querySelector(`#${box} a[${id}="${run}"]`)?.dataset.title || "";
      playgroundMenus.menu(button, [
        [word("rename"), () => playgroundMenus.form(word("rename"), [{ name: "title", label: word("rename_prompt"), value: title }], word("ok"), async ({ title }) => (await send("rename", { title }, run)).error || "")],
        [word("delete"), () => remove(run), { danger: true }],
      ]);
    }

    async function remove(run) {
      const answer = await send("delete", {}, run);
      if (answer.error) return say(answer.error, true);
      if (run === state.run) open("");
      say(word("deleted"), false, playground.button(word("undo"), () => restore(run)));
    }

    async function restore(run) {
      const answer = await send("restore", {}, run);
      if (answer.error) say(answer.error, true);
      else open(run);
    }

    async function purge(run) {
      const answer = await send("purge", {}, run);
      say(answer.error || "", true);
    }

    return { menu, restore, purge };
  }

  // What a field for files is given, also what it was given while the page was still being drawn.
  function picks(input, take) {
    const given = () => {
      const files = [...input.files];
      input.value = ""; // The same file can be chosen again.
      if (files.length) take(files);
    };
    input.addEventListener("change", given);
    given();
  }

  // A file dropped anywhere on a tab.
  function drops(root, take) {
    const carries = (event) => event.dataTransfer?.types.includes("Files");
    root.addEventListener("dragover", (event) => { if (carries(event)) { event.preventDefault(); root.classList.add("over"); } });
    root.addEventListener("dragleave", (event) => { if (!root.contains(event.relatedTarget)) root.classList.remove("over"); });
    root.addEventListener("drop", (event) => {
      if (!carries(event)) return; // A piece of text goes into the box that it was dropped on.
      event.preventDefault();
      root.classList.remove("over");
      take([...event.dataTransfer.files]);
    });
  }

  // Gradio also keeps hidden buttons, to measure their width.
  const tab = (name) => [...document.querySelectorAll("#pg-tabs button:not([tabindex='-1'])")].find((one) => one.textContent.trim() === word(`tab.${name}`));

  // A list has two stops for each of its runs: past all of them, to what is shown beside it.
  function past() {
    if (past.heard) return;
    past.heard = true;
    document.addEventListener("click", (event) => {
      const main = event.target.closest?.("[data-past]")?.closest("nav").parentElement.querySelector("main");
      if (!main) return;
      main.tabIndex = -1;
      main.focus({ preventScroll: true });
    });
  }

  // Whether the address is about something in another room.
  const elsewhere = (...names) => names.some((name) => new URLSearchParams(location.search).has(name));

  // What a room hears from when the script begins: its links (`attribute` names what they show, `letter` is how the
  // address calls it), the page going out of sight, back and forward, Gradio drawing the room, and another tab.
  function listens({ name, attribute, letter, asked, travelled, hidden, connect, appear, turned }) {
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.(`a[${attribute}]`);
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const run = link.getAttribute(attribute);
      if (run !== asked()) history.pushState(null, "", `?${letter}=${run}`);
      travelled();
    });
    past();
    document.addEventListener("visibilitychange", () => { if (document.hidden) hidden(); else connect(); });
    addEventListener("popstate", travelled);
    new MutationObserver(appear).observe($("pg-tabs"), { childList: true, subtree: true });
    new MutationObserver(turned).observe($("pg-tabs"), { subtree: true, attributeFilter: ["aria-selected"] });
    appear();
    if (asked() !== null) tab(name)?.click();
  }

  return { uploads, teller, listed, listens, picks, drops, tab, elsewhere };
})();
