// The shares of a split always sum to 100 %: what one gains the others give, in the proportion they had.
(() => {
  "use strict";
  const form = document.getElementById("split-form");
  if (!form) return;
  const WHOLE = 10000;
  const shares = [...form.querySelectorAll("[data-share]")].map((row) => ({
    row,
    slider: row.querySelector("input[type=range]"),
    field: row.querySelector("input[name]"),
    bar: document.querySelector(`[data-bar="${CSS.escape(row.querySelector("input[name]").name.slice(2))}"]`),
    isDefault: row.hasAttribute("data-default"),
    weight: null,
  }));
  const total = form.querySelector("[data-total]");
  const movement = document.getElementById("movement");
  let held = null; // What the others had when this share was taken hold of, so that passing 100 loses nothing.
  let timer = 0;
  let asked = 0;

  function read(text) {
    const plain = text.trim().replace(",", ".").replace(/\s*%$/, "");
    if (plain === "") return null;
    return /^\d{1,5}(\.\d*)?$|^\.\d+$/.test(plain) ? Math.round(Number(plain) * 100) : NaN;
  }
  const write = (weight) => (weight / 100).toFixed(2).replace(/\.?0+$/, "");

  function show(active) {
    let at = 0;
    for (const share of shares) {
      const weight = share.weight ?? 0;
      if (share !== active || document.activeElement !== share.field) share.field.value = share.weight === null ? "" : write(weight);
      if (document.activeElement !== share.slider) share.slider.value = Math.round(weight / 100);
      share.slider.setAttribute("aria-valuetext", share.weight === null ? "not in the split" : `${write(weight)} %`);
      share.row.classList.toggle("out", share.weight === null);
      share.bar?.setAttribute("x", `${at / 100}%`);
      share.bar?.setAttribute("width", `${weight / 100}%`);
      at += weight;
    }
    total.textContent = `${write(at)} %`;
    total.classList.toggle("said-bad", at !== WHOLE);
  }

  function hold(active) {
    if (held?.active !== active) held = { active, before: new Map(shares.map((share) => [share, share.weight ?? 0])) };
  }

  // Gives `rest` to all shares but one: in their proportion by largest remainder, or to one that is there for it.
  function give(active, rest) {
    const others = shares.filter((share) => share !== active);
    const had = others.reduce((sum, share) => sum + held.before.get(share), 0);
    if (had === 0) {
      const heir = others.find((share) => share.isDefault) ?? others[0];
      for (const share of others) if (share.weight !== null || share === heir) share.weight = share === heir ? rest : 0;
      return;
    }
    const parts = others.map((share) => ({ share, exact: (held.before.get(share) * rest) / had }));
    for (const part of parts) if (part.share.weight !== null || part.exact > 0) part.share.weight = Math.floor(part.exact);
    let left = rest - parts.reduce((sum, part) => sum + Math.floor(part.exact), 0);
    parts.sort((a, b) => (b.exact % 1) - (a.exact % 1));
    for (const part of parts) {
      if (left <= 0) break;
      if (held.before.get(part.share) === 0) continue;
      part.share.weight += 1;
      left -= 1;
    }
  }

  function set(active, weight) {
    hold(active);
    const bounded = weight === null ? null : Math.min(Math.max(weight, 0), WHOLE);
    active.weight = shares.length === 1 ? WHOLE : bounded;
    if (shares.length > 1) give(active, WHOLE - (bounded ?? 0));
    show(active);
    describe();
  }

  // Asks the server what this would move: the one that decides also says so.
  function describe() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++asked;
      try {
        const body = new URLSearchParams(new FormData(form));
        const headers = { "Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true" };
        const reply = await fetch(form.dataset.movement, { method: "POST", headers, body });
        if (!reply.ok || mine !== asked) return;
        movement.replaceChildren(...new DOMParser().parseFromString(await reply.text(), "text/html").body.childNodes);
      } catch { /* what would move is said again at the next change, and at saving */ }
    }, 300);
  }

  for (const share of shares) {
    share.weight = read(share.field.value);
    if (Number.isNaN(share.weight)) share.weight = 0;
    share.row.addEventListener("focusin", () => hold(share));
    share.row.addEventListener("focusout", (event) => {
      if (share.row.contains(event.relatedTarget)) return;
      held = null;
      if (!Number.isNaN(read(share.field.value))) show(null);
    });
    share.slider.addEventListener("input", () => set(share, Number(share.slider.value) * 100));
    share.field.addEventListener("input", () => {
      const typed = read(share.field.value);
      share.field.toggleAttribute("aria-invalid", Number.isNaN(typed));
      if (!Number.isNaN(typed)) set(share, typed === null && share.isDefault ? 0 : typed);
    });
    share.field.addEventListener("blur", () => {
      if (!Number.isNaN(read(share.field.value))) share.field.value = share.weight === null ? "" : write(share.weight);
    });
    share.row.querySelector("[data-take-out]")?.addEventListener("click", () => set(share, null));
  }
  form.elements.sticky_key?.addEventListener("change", describe);
  form.querySelector("[data-look]")?.remove();
  if (form.hasAttribute("data-now")) describe();
})();
