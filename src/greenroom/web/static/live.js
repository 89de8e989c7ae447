// Tells what others do while a page is looked at. Hidden pages do not listen: a browser has few connections.
(() => {
  "use strict";
  const home = document.querySelector("a.project")?.getAttribute("href");
  const list = document.getElementById("env-list");
  if (!home || !list || !window.EventSource) return;
  let source = null;
  let wait = 0;

  async function refresh() {
    const reply = await fetch(`${home}/places?here=${encodeURIComponent(list.dataset.here)}`, { headers: { "HX-Request": "true" } });
    if (!reply.ok) return;
    const found = new DOMParser().parseFromString(await reply.text(), "text/html");
    for (const id of ["env-list", "onair"]) {
      const fresh = found.getElementById(id);
      if (fresh) document.getElementById(id)?.replaceChildren(...fresh.childNodes);
    }
  }

  function hear(event) {
    const fact = JSON.parse(event.data);
    clearTimeout(wait);
    wait = setTimeout(() => { refresh().catch(() => {}); }, 150);
    document.dispatchEvent(new CustomEvent("greenroom:happened", { detail: fact }));
    if (fact.mine) return;
    greenroom.toast(fact.said, "news", fact.action.startsWith("release.") || fact.action.startsWith("version."));
  }
  function listen() {
    if (document.hidden) { source?.close(); source = null; return; }
    if (source) return;
    source = new EventSource(`${home}/live`);
    source.addEventListener("happened", hear);
  }
  document.addEventListener("visibilitychange", listen);
  window.addEventListener("pagehide", () => { source?.close(); source = null; });
  listen();
})();
