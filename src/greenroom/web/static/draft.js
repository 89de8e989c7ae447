// A draft while it is edited: who is here and how it stands, a checkpoint by a key, the field that a Fix link names.
(() => {
  "use strict";
  const EVERY = 10_000;
  const banner = document.getElementById("draft-banner");
  const place = document.getElementById("draft-state");

  async function beat() {
    if (document.hidden) return;
    const body = new URLSearchParams({ entity: banner.dataset.entity, csrf: document.querySelector("input[name=csrf]").value });
    const reply = await fetch(banner.dataset.presence, { method: "POST", headers: { "HX-Request": "true" }, body });
    if (!reply.ok) return;
    // Drawn and escaped by our own server.
    place.innerHTML = await reply.text();
    banner.classList.toggle("no-changes", place.querySelector("[data-changes]").dataset.changes === "0");
    greenroom.settle(place);
  }
  const tell = () => { beat().catch(() => { /* the next one will do */ }); };
  if (banner?.dataset.presence) {
    tell();
    setInterval(tell, EVERY);
    document.addEventListener("visibilitychange", tell);
    let soon = 0;
    document.addEventListener("greenroom:happened", (event) => {
      if (!event.detail.action.startsWith("draft.")) return;
      clearTimeout(soon);
      soon = setTimeout(tell, 200);
    });
  }

  document.addEventListener("keydown", async (event) => {
    if (!(event.ctrlKey || event.metaKey) || !event.shiftKey || event.key.toLowerCase() !== "s") return;
    const where = document.body.dataset.checkpoint;
    if (!where || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    await greenroom.saveFirst?.();
    htmx.ajax("GET", where, { target: "#dialog-body" });
  });

  // Who writes something of their own, or ticks one thing, means it.
  document.addEventListener("input", (event) => {
    const own = event.target.closest(".own");
    if (own && event.target.matches("textarea")) own.querySelector("input[type=radio]").checked = true;
    if (event.target.closest("[data-pick-some]")) event.target.form.querySelector("input[name=what][value=some]").checked = true;
  });

  let field = decodeURIComponent(location.hash.slice(1));
  if (field.startsWith("f-")) {
    while (field.length > 2 && !document.getElementById(field)) field = field.slice(0, field.lastIndexOf("-"));
    const found = document.getElementById(field);
    for (let box = found?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    found?.focus();
    found?.scrollIntoView({ block: "center" });
  }
})();
