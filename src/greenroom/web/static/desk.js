// What every page does beyond showing itself: times in the viewer's zone, dialogs, menus, keys, ticks.
(() => {
  "use strict";
  const near = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
  const far = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

  function localise(root) {
    for (const time of root.querySelectorAll("time[datetime]:not([data-done])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = `${exact.format(at)}\n${time.title}`;
      time.textContent = (at.getFullYear() === new Date().getFullYear() ? near : far).format(at);
      time.dataset.done = "";
    }
  }

  // Ticks are this browser's own: a list of ids for each list of things to tick.
  function restoreTicks(root) {
    for (const list of root.querySelectorAll("[data-ticks]")) {
      const key = `greenroom:${list.dataset.ticks}`;
      let kept = [];
      try { kept = JSON.parse(localStorage.getItem(key) || "[]"); } catch { kept = []; }
      const boxes = [...list.querySelectorAll("input[data-tick]")];
      const count = list.querySelector("[data-tick-count]");
      const say = () => { if (count) count.textContent = `${boxes.filter((box) => box.checked).length} of ${boxes.length}`; };
      for (const box of boxes) {
        box.checked = kept.includes(box.dataset.tick);
        box.addEventListener("change", () => {
          const now = boxes.filter((each) => each.checked).map((each) => each.dataset.tick);
          try { localStorage.setItem(key, JSON.stringify(now)); } catch { /* private window: ticks last as long as the page */ }
          say();
        });
      }
      say();
    }
  }

  function toast(text, tone, reload) {
    const box = document.createElement("div");
    box.className = `toast ${tone || "good"}`;
    const words = document.createElement("span");
    words.textContent = text;
    box.append(words);
    if (reload) {
      const again = document.createElement("a");
      again.href = location.href;
      again.textContent = "Load this page again";
      box.append(again);
    }
    document.getElementById("toasts")?.append(box);
    fade(box);
  }
  function fade(box) {
    setTimeout(() => box.remove(), 9000);
  }

  function open(id) {
    const dialog = document.getElementById(id);
    if (!dialog || dialog.open) return;
    document.querySelectorAll("dialog[open]").forEach((other) => other.close());
    document.querySelectorAll("details.menu[open]").forEach((menu) => menu.removeAttribute("open"));
    dialog.showModal();
    dialog.dispatchEvent(new CustomEvent("greenroom:open"));
  }

  function settle(root) {
    localise(root);
    restoreTicks(root);
    root.querySelector?.("[data-focus]")?.focus();
  }

  document.addEventListener("htmx:after:swap", () => {
    const body = document.getElementById("dialog-body");
    if (body && body.childElementCount && !document.getElementById("dialog").open) open("dialog");
    settle(document);
  });
  document.addEventListener("htmx:error", () => toast("The server did not answer. Nothing was changed; try again.", "bad"));
  // In what came into the dialog, the first heading names it and the first field takes the focus.
  document.getElementById("dialog")?.addEventListener("greenroom:open", (event) => {
    const heading = event.target.querySelector("h1, h2");
    if (heading) event.target.setAttribute("aria-label", heading.textContent.trim());
  });
  document.getElementById("dialog")?.addEventListener("close", () => document.getElementById("dialog-body").replaceChildren());

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) open(opener.dataset.open);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    }
    const copier = event.target.closest("[data-copy], [data-copy-text]");
    if (copier) navigator.clipboard?.writeText(copier.dataset.copyText ?? new URL(copier.dataset.copy, location.href).href).then(() => toast("Copied."));
    // A click beside a dialog closes it.
    if (event.target instanceof HTMLDialogElement) {
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
  });

  // Two ticked rows make a comparison.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-pick-two]");
    if (form && event.target.name === "pick") {
      const picked = [...form.querySelectorAll("input[name=pick]:checked")];
      if (picked.length > 2) picked.find((box) => box !== event.target).checked = false;
      const now = form.querySelectorAll("input[name=pick]:checked").length;
      form.querySelector("[data-pick-button]").disabled = now !== 2;
    }
    if (event.target.matches("select[data-go-on-change]")) event.target.form.requestSubmit();
  });

  // Who writes a value of their own has chosen it.
  document.addEventListener("input", (event) => {
    const choice = document.getElementById(event.target.dataset?.chooses);
    if (choice) choice.checked = true;
  });

  const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");
  const places = { e: "/environments", b: "/build", c: "/compare", r: "/conversations", t: "/chat", h: "/history" };
  let waiting = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open("palette");
      return;
    }
    if (event.key === "Escape") {
      document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.removeAttribute("open"); menu.querySelector("summary").focus(); });
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "?") { event.preventDefault(); open("help"); return; }
    const home = document.querySelector("a.project")?.getAttribute("href");
    if (home && Date.now() - waiting < 1200 && places[event.key]) {
      event.preventDefault();
      waiting = 0;
      location.href = home + places[event.key];
    } else if (event.key === "g") {
      waiting = Date.now();
    }
  });

  window.greenroom = { toast, settle };
  document.querySelectorAll(".toast").forEach(fade);
  settle(document);
})();
