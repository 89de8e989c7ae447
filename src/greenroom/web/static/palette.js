// Go to anything: a box that asks the server while one types; arrows choose, Enter goes.
(() => {
  "use strict";
  const input = document.getElementById("palette-input");
  const results = document.getElementById("palette-results");
  if (!input || !results) return;
  let last = 0;

  async function ask() {
    const turn = ++last;
    const reply = await fetch(`${input.dataset.source}?q=${encodeURIComponent(input.value)}`, { headers: { "HX-Request": "true" } });
    if (turn !== last || !reply.ok) return;
    // Drawn and escaped by our own server.
    results.innerHTML = await reply.text();
    choose(results.querySelector("a"));
  }
  function choose(link) {
    results.querySelectorAll("a").forEach((each) => each.setAttribute("aria-selected", String(each === link)));
    if (link) {
      input.setAttribute("aria-activedescendant", link.id);
      link.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }
  let timer = 0;
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 120); });
  input.addEventListener("keydown", (event) => {
    const links = [...results.querySelectorAll("a")];
    const at = links.findIndex((link) => link.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") { event.preventDefault(); choose(links[Math.min(at + 1, links.length - 1)]); }
    else if (event.key === "ArrowUp") { event.preventDefault(); choose(links[Math.max(at - 1, 0)]); }
    // A search field would only be emptied by the first Escape.
    else if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); document.getElementById("palette").close(); }
    else if (event.key === "Enter" && links[at]) { event.preventDefault(); links[at].click(); }
  });
  document.getElementById("palette").addEventListener("greenroom:open", () => { input.value = ""; input.focus(); ask(); });
})();
