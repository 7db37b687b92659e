// A training that has begun: commands, votes by key, the questions of its forms, the values under the pointer in a chart.
// What is shown is drawn by the server; tune.js puts it into #pn-run.
"use strict";

const playgroundTuneRun = (() => {
  const { ask } = playground;
  const $ = (id) => document.getElementById(id);
  let tip = null, shown = null;

  async function send(node, action, more = {}) {
    const run = node.closest(".pr-root").dataset.run, part = node.closest("section");
    const button = node.matches("form") ? node.querySelector("[type=submit]") : node;
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    tell(part, "");
    const answer = await ask(`page/training/${run}/act`, { action, ...more });
    button.removeAttribute("aria-busy");
    if (answer.error) return tell(part, answer.error);
    if (answer.open) playgroundTune.open(answer.open);
    if (answer.go) playgroundRooms.tab(answer.go)?.click();
  }

  // In place: what went wrong stands in the part it belongs to, until the next command there.
  function tell(part, text) {
    const box = part?.querySelector(".pr-said");
    if (box) box.textContent = text;
  }

  function clicked(event) {
    const node = event.target.closest?.("#pn-run button[data-do]");
    if (node && node.type !== "submit") send(node, node.dataset.do.replace(/^pr-/, ""), { argument: node.dataset.argument || "" });
  }

  function submitted(event) {
    const form = event.target.closest?.("#pn-run form[data-form]");
    if (!form) return;
    event.preventDefault();
    send(form, form.dataset.form, Object.fromEntries(new FormData(form)));
  }

  // A question that was held out goes into the form, with the reply that belongs to it.
  function picked(event) {
    const list = event.target.closest?.("#pn-run select[data-pick]");
    if (!list) return;
    const { prompt = "", text = "" } = list.selectedOptions[0].dataset, form = list.form;
    form.elements.prompt.value = prompt;
    if (form.elements.text) form.elements.text.value = text;
    if (!prompt) form.elements.prompt.focus();
  }

  // 1, 2 and 0 vote while both replies are on the screen and nobody types.
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest?.("input, textarea, select, dialog")) return;
    const duel = $("pr-duel"), box = duel?.getBoundingClientRect();
    if (!duel?.offsetParent || box.bottom < 0 || box.top > innerHeight) return;
    const vote = duel.querySelector(`[aria-keyshortcuts="${CSS.escape(event.key)}"]`);
    if (!vote) return;
    event.preventDefault();
    vote.click();
  }

  // ---- charts ----------------------------------------------------------------------------------------------------------
  function pointed(event) {
    const plot = event.target.closest?.("#pn-run .pr-plot");
    if (!plot) return hide();
    const box = plot.getBoundingClientRect(), low = Number(plot.dataset.low), high = Number(plot.dataset.high);
    const x = low + ((event.clientX - box.left) / box.width) * (high - low);
    const near = JSON.parse(plot.dataset.points).map(([name, points]) => [name, nearest(points, x)]).filter(([, point]) => point);
    if (!near.length) return hide();
    const [, at] = near.reduce((best, one) => (Math.abs(one[1][0] - x) < Math.abs(best[1][0] - x) ? one : best));
    const lines = near.filter(([, point]) => point[0] === at[0]).map(([name, point]) => `${name}: ${point[1]}`);
    show(plot, box, (at[0] - low) / (high - low), [`${plot.parentElement.querySelector(".pr-across").textContent} ${at[0]}`, ...lines]);
  }

  const nearest = (points, x) => points.reduce((best, one) => (!best || Math.abs(one[0] - x) < Math.abs(best[0] - x) ? one : best), null);

  // Outside of what is drawn anew, so that it stays while a training goes on.
  function show(plot, box, share, lines) {
    if (!tip) {
      tip = document.createElement("div");
      tip.className = "pr-tip";
      tip.append(document.createElement("i"), document.createElement("p"));
      document.body.append(tip);
    }
    shown = plot;
    const left = box.left + share * box.width, words = tip.querySelector("p");
    tip.hidden = false;
    Object.assign(tip.style, { left: `${left}px`, top: `${box.top}px`, height: `${box.height}px` });
    words.textContent = lines.join("\n");
    words.style.right = left + words.offsetWidth + 16 > innerWidth ? "8px" : "auto";
  }

  function hide() {
    if (!shown) return;
    shown = null;
    tip.hidden = true;
  }

  function start() {
    document.addEventListener("click", clicked);
    document.addEventListener("submit", submitted);
    document.addEventListener("change", picked);
    document.addEventListener("keydown", pressed);
    document.addEventListener("pointermove", pointed, { passive: true });
    document.addEventListener("pointerdown", pointed, { passive: true });
    document.addEventListener("scroll", hide, { capture: true, passive: true });
  }
  start();

  return { hide };
})();
