// The test chat beside the page: opened from the top, kept open from page to page until it is closed.
(() => {
  "use strict";
  const panel = document.getElementById("chat-panel");
  const body = document.getElementById("chat-panel-body");
  const opener = document.getElementById("chat-opener");
  // The page of the chat itself has no panel.
  if (!panel || !body || !opener || !window.htmx) return;
  const KEY = "greenroom:chat-panel";
  const home = document.querySelector("a.project")?.getAttribute("href") || "";
  const keep = (value) => { try { if (value) sessionStorage.setItem(KEY, value); else sessionStorage.removeItem(KEY); } catch { /* private window: the panel closes with the page */ } };
  const kept = () => { try { return sessionStorage.getItem(KEY) || ""; } catch { return ""; } };
  let before = null;
  const end = () => { const turns = body.querySelector(".turns"); if (turns) turns.scrollTop = turns.scrollHeight; };

  opener.setAttribute("aria-expanded", "false");
  opener.setAttribute("aria-controls", "chat-panel");
  async function show(path) {
    panel.hidden = false;
    document.body.classList.add("has-panel");
    opener.setAttribute("aria-expanded", "true");
    return htmx.ajax("GET", path, { target: "#chat-panel-body" });
  }
  function hide() {
    panel.hidden = true;
    document.body.classList.remove("has-panel");
    opener.setAttribute("aria-expanded", "false");
    body.replaceChildren();
    keep("");
    opener.focus();
  }
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (panel.hidden) show(opener.dataset.panel);
    else hide();
  });
  panel.querySelector("[data-close-panel]").addEventListener("click", hide);
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); hide(); } });
  document.addEventListener("htmx:after:swap", () => {
    if (panel.hidden) return;
    const talk = body.querySelector("[data-chat]");
    keep(talk ? talk.dataset.chat : opener.dataset.panel);
    end();
    if (!before) return;
    const goal = before;
    before = null;
    setTimeout(() => { if (panel.contains(document.activeElement)) { document.activeElement.blur(); if (goal !== document.body) goal.focus(); } }, 30);
  });
  const path = kept();
  // Kept open, it does not take the focus from the page that one came to.
  if (path.startsWith(`${home}/chat`) && home) {
    before = document.activeElement;
    show(path);
  }
})();
