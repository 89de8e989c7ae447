// Chooses what a link names, out of what the draft has; and names things in texts after `{{`. What is not there is
// marked as one types.
(() => {
  "use strict";
  const form = document.getElementById("editor");
  if (!form) return;
  const box = Object.assign(document.createElement("ul"), { id: "pick-list", className: "pick-list", hidden: true });
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", "What there is");
  let field = null;
  let turn = 0;
  let timer = 0;

  const ask = async (kinds, query) => {
    const at = new URL(form.dataset.find, location.href);
    at.searchParams.set("kinds", kinds);
    at.searchParams.set("q", query);
    const reply = await fetch(at);
    return reply.ok ? reply.json() : { found: [], exact: true };
  };
  const options = () => [...box.querySelectorAll("[role=option]")];
  const chosen = () => options().find((each) => each.getAttribute("aria-selected") === "true");
  function choose(option) {
    options().forEach((each) => each.setAttribute("aria-selected", String(each === option)));
    if (option) { field.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" }); }
    else field?.removeAttribute("aria-activedescendant");
  }
  function close() {
    box.hidden = true;
    if (!field) return;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }
  function show(found, marked) {
    box.replaceChildren(...found.map((each, n) => {
      const option = Object.assign(document.createElement("li"), { id: `pick-${n}` });
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      Object.assign(option.dataset, { kind: each.kind, slug: each.slug, name: each.name, where: each.where });
      const more = Object.assign(document.createElement("span"), { className: "quiet", textContent: `${each.title} ${each.slug}` });
      option.append(`${each.name} `, more);
      return option;
    }));
    if (!found.length) { close(); return; }
    const home = field.closest(".pick, .field") || field.parentElement;
    home.append(box);
    box.hidden = false;
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-controls", "pick-list");
    if (marked) choose(options()[0]);
  }
  // What stands beside a link: the name of what it leads to, or that there is none.
  function mark(input, found, exact) {
    const place = input.parentElement.querySelector("[data-target]");
    if (!place) return;
    place.replaceChildren();
    const slug = input.value.trim();
    if (!slug) return;
    const same = found.find((each) => each.slug === slug);
    if (same) {
      place.append(Object.assign(document.createElement("a"), { href: same.where, target: "_blank", rel: "noopener", textContent: same.name }));
    } else if (!exact) {
      const kind = input.dataset.kinds.split(" ")[0];
      place.append(Object.assign(document.createElement("span"), { className: "broken", textContent: `There is no ${kind}/${slug} in this draft` }));
      if (/^[a-z0-9][a-z0-9_-]{0,79}$/.test(slug)) {
        const at = new URL(form.dataset.new, location.href);
        for (const [name, value] of [["kind", kind], ["slug", slug], ["back", location.pathname + location.search]]) at.searchParams.set(name, value);
        place.append(" ", Object.assign(document.createElement("a"), { href: at, textContent: "create it" }));
      }
    }
  }
  async function look(input, isOpen) {
    const mine = ++turn;
    const told = await ask(input.dataset.kinds, input.value.trim());
    if (mine !== turn || !input.isConnected) return;
    mark(input, told.found, told.exact);
    if (isOpen && document.activeElement === input) { field = input; show(told.found, Boolean(input.value)); }
  }

  // In a text: the word after the last `{{` before the caret, if nothing closed it.
  function mention(area) {
    const before = area.value.slice(0, area.selectionStart);
    const found = /\{\{\s*([a-z0-9_.-]*)$/i.exec(before);
    return found ? { from: before.length - found[1].length, word: found[1] } : null;
  }
  async function lookMention(area) {
    const open = mention(area);
    if (!open) { if (field === area) close(); return; }
    const mine = ++turn;
    const [head, tail] = open.word.includes(".") ? open.word.split(".", 2) : ["", open.word];
    const told = await ask(head, tail || "");
    if (mine !== turn || document.activeElement !== area) return;
    field = area;
    show(told.found, false);
  }

  function take(option) {
    if (!field || !option) return;
    const { kind, slug } = option.dataset;
    if (field.matches("textarea")) {
      const open = mention(field);
      if (!open) return close();
      const after = field.value.slice(field.selectionStart).replace(/^[^\s{}]*\}\}/, "");
      const word = `${kind}.${slug}}}`;
      field.value = field.value.slice(0, open.from) + word + after;
      field.selectionStart = field.selectionEnd = open.from + word.length;
    } else {
      field.value = slug;
      mark(field, [{ slug, name: option.dataset.name, where: option.dataset.where }], true);
    }
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    close();
  }

  function dress() {
    for (const input of form.querySelectorAll("input[data-kinds]:not([role])")) {
      input.setAttribute("role", "combobox");
      input.setAttribute("aria-expanded", "false");
      input.setAttribute("aria-autocomplete", "list");
    }
  }
  form.addEventListener("input", (event) => {
    const input = event.target;
    clearTimeout(timer);
    if (input.matches("input[data-kinds]")) timer = setTimeout(() => look(input, event.isTrusted), 120);
    else if (input.matches("textarea[data-mentions]") && event.isTrusted) timer = setTimeout(() => lookMention(input), 120);
  });
  form.addEventListener("focusin", (event) => { if (event.target.matches("input[data-kinds]") && !event.target.value) look(event.target, true); });
  form.addEventListener("focusout", (event) => {
    if (event.target.matches("input[data-kinds], textarea[data-mentions]")) { clearTimeout(timer); turn += 1; setTimeout(close, 150); if (event.target.matches("input[data-kinds]")) look(event.target, false); }
  });
  form.addEventListener("keydown", (event) => {
    if (!event.target.matches("input[data-kinds], textarea[data-mentions]")) return;
    const all = options();
    if (box.hidden || event.target !== field) {
      if (event.key === "ArrowDown" && event.target.matches("input") && !event.altKey) { event.preventDefault(); look(event.target, true); }
      return;
    }
    const at = all.indexOf(chosen());
    if (event.key === "ArrowDown" && !event.altKey) { event.preventDefault(); choose(all[Math.min(at + 1, all.length - 1)]); }
    else if (event.key === "ArrowUp" && !event.altKey) { event.preventDefault(); choose(all[Math.max(at - 1, 0)]); }
    else if ((event.key === "Enter" || event.key === "Tab") && chosen()) { if (event.key === "Enter") event.preventDefault(); take(chosen()); }
    else if (event.key === "Escape") { event.preventDefault(); close(); }
  }, true);
  box.addEventListener("mousedown", (event) => { event.preventDefault(); take(event.target.closest("[role=option]")); });
  form.addEventListener("greenroom:redrawn", dress);
  dress();
})();
