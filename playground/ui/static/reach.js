// What keyboards and screen readers need besides: parts of the page by name, and stops at what can only be scrolled.
"use strict";

const playgroundReach = (() => {
  const { word } = playground;
  const $ = (id) => document.getElementById(id);
  const SCROLLS = ".code pre, #pg-items .body table, #pg-items .math, #pg-items .plain, #pg-info pre";
  let looking = 0;

  // Gradio calls all of the page its main part; here each tab has one of its own, below the header and the row of tabs.
  function name() {
    document.querySelector(".gradio-container main")?.setAttribute("role", "none");
    $("pg-main").setAttribute("role", "main");
    const parts = [[$("pg-side"), "region", "conversations"], [document.querySelector("#pg-tabs > .tab-wrapper"), "navigation", "areas"]];
    for (const [part, role, key] of parts) {
      part.setAttribute("role", role);
      part.setAttribute("aria-label", word(key));
    }
  }

  // A long line of code is a stop of the Tab key as long as it is cut off, so that arrows can move it.
  function look() {
    looking = 0;
    for (const node of document.querySelectorAll(SCROLLS)) {
      if (node.scrollWidth > node.clientWidth || node.scrollHeight > node.clientHeight) node.tabIndex = 0;
      else node.removeAttribute("tabindex");
    }
  }

  const changed = () => { looking ||= requestAnimationFrame(look); };

  function skip() {
    const mains = document.querySelectorAll("#pg-main, #pg-tabs main");
    const shown = [...mains].find((one) => one.checkVisibility());
    shown.tabIndex = -1;
    shown.focus({ preventScroll: true });
  }

  function start() {
    name();
    $("pg-past").addEventListener("click", skip);
    addEventListener("resize", changed);
    document.addEventListener("toggle", changed, true);
    new MutationObserver(changed).observe($("pg-chat"), { childList: true, subtree: true, attributeFilter: ["class", "hidden"] });
    changed();
  }

  return { start };
})();
