// Saves what is edited as one goes, and says so; what the server refuses stands beside its field. Buttons that add,
// move or remove elements ask the server for the form as it is then: without scripts they do the same, by a new page.
(() => {
  "use strict";
  const form = document.getElementById("editor");
  const state = document.getElementById("save-state");
  if (!form) return;
  const words = (tone, text) => { if (state) { state.textContent = text; state.dataset.tone = tone; } };
  const clock = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const TONES = { bad: "field-wrong", warn: "field-broken", quiet: "field-odd" };
  let timer = 0;
  let saving = false;
  let again = false;
  let dirty = false;
  let drawn = 0;
  let drawing = false;
  let edits = 0;

  function showFindings(findings) {
    form.querySelectorAll(".wrong-slot").forEach((slot) => slot.replaceChildren());
    form.querySelectorAll(".is-wrong").forEach((field) => field.classList.remove("is-wrong"));
    form.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    for (const finding of findings) {
      let pointer = finding.pointer;
      let slot = null;
      // The nearest field around the place that is wrong; else the head of the form.
      while (!(slot = form.querySelector(`.wrong-slot[data-pointer="${CSS.escape(pointer)}"]`)) && pointer) {
        pointer = pointer.slice(0, pointer.lastIndexOf("/"));
      }
      if (!slot) continue;
      const line = document.createElement("p");
      line.className = TONES[finding.tone];
      const text = document.createElement("span");
      if (finding.tone === "warn") text.append(Object.assign(document.createElement("strong"), { textContent: "Cannot be published: " }));
      if (finding.line) {
        const link = Object.assign(document.createElement("a"), { href: "#f-code", textContent: `line ${finding.line}` });
        link.dataset.line = finding.line;
        text.append(link, ": ");
      }
      text.append(finding.text);
      line.append(text);
      slot.append(line);
      if (finding.tone !== "bad") continue;
      const field = slot.closest(".field");
      field?.classList.add("is-wrong");
      field?.querySelector("input:not([type=hidden]), textarea, select")?.setAttribute("aria-invalid", "true");
    }
    form.dispatchEvent(new CustomEvent("greenroom:findings", { detail: findings }));
  }

  // Puts what the server drew in the place of what is there; what one types in stays.
  function replaceParts(html) {
    const found = new DOMParser().parseFromString(html, "text/html");
    for (const fresh of found.querySelectorAll("[data-part]")) {
      const old = document.getElementById(fresh.id);
      if (!old || old.contains(document.activeElement)) continue;
      // An option that leaves a list hands its being chosen to the next one: these are copied, not moved.
      old.replaceChildren(...[...fresh.childNodes].map((each) => document.importNode(each, true)));
    }
  }

  async function save() {
    // While the form is being drawn anew, what it holds is about to change.
    if (form.dataset.autosave !== "on" || drawing) return;
    if (saving) { again = true; return; }
    saving = true;
    again = false;
    words("busy", "Saving…");
    const [before, typed] = [drawn, edits];
    try {
      const reply = await send({ "X-Autosave": "1" });
      const isJson = (reply.headers.get("content-type") || "").startsWith("application/json");
      const told = isJson ? await reply.json() : null;
      // What was drawn or typed since is newer than this answer.
      if (told && typed === edits && before === drawn) { replaceParts(told.parts); showFindings(told.findings); }
      if (reply.ok && told) {
        form.elements.if_match.value = told.revision;
        dirty = typed !== edits;
        const broken = told.findings.filter((each) => each.tone === "warn").length;
        if (!dirty) words(broken ? "warn" : "good", `Saved in your draft at ${clock()}${broken ? "; it cannot be published like this" : ""}`);
        const count = document.getElementById("draft-count");
        if (count) count.textContent = told.changes === 1 ? "1 change" : `${told.changes} changes`;
      } else if (reply.status === 412) {
        form.dataset.autosave = "off";
        words("bad", "Not saved: somebody else saved this. Press Save to see both sides.");
      } else if (told) {
        words("bad", `Not saved: ${told.detail}`);
      } else {
        words("bad", "Not saved: the server refused. Press Save to see why.");
      }
    } catch {
      words("bad", "Not saved: the server did not answer. What you typed is still here.");
    } finally {
      saving = false;
      if (again) save();
    }
  }
  function send(headers, more = []) {
    const body = new URLSearchParams(new FormData(form));
    for (const [name, value] of more) body.append(name, value);
    return fetch(form.action, { method: "POST", headers: { ...headers, "Content-Type": "application/x-www-form-urlencoded" }, body });
  }
  // What is still unsaved, before something else is done with the draft.
  greenroom.saveFirst = () => { clearTimeout(timer); return dirty && form.dataset.autosave === "on" ? save() : Promise.resolve(); };
  function changed(wait = 900) {
    dirty = true;
    edits += 1;
    if (form.dataset.autosave !== "on") return;
    words("busy", "Not saved yet");
    clearTimeout(timer);
    timer = setTimeout(save, wait);
  }

  // Where an element stands after a button was pressed.
  function moved(pointer, verb, at) {
    if (!["insert", "remove", "up", "down"].includes(verb)) return pointer;
    const cut = at.lastIndexOf("/");
    const table = at.slice(0, cut);
    if (!pointer.startsWith(`${table}/`)) return pointer;
    const [first, ...rest] = pointer.slice(table.length + 1).split("/");
    let index = Number(first);
    const here = Number(at.slice(cut + 1));
    if (verb === "insert" && index > here) index += 1;
    else if (verb === "remove" && index === here) return null;
    else if (verb === "remove" && index > here) index -= 1;
    else if (verb === "up" && index === here) index -= 1;
    else if (verb === "up" && index === here - 1) index += 1;
    else if (verb === "down" && index === here) index += 1;
    else if (verb === "down" && index === here + 1) index -= 1;
    return [table, index, ...rest].join("/");
  }
  // What was taken away comes back as it was, as long as nothing else was added or moved since.
  function offerUndo(nodes) {
    const fields = document.getElementById("editor-fields");
    const box = Object.assign(document.createElement("div"), { className: "toast good" });
    const undo = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: "Undo" });
    const turn = drawn;
    box.append("Removed.", undo);
    undo.addEventListener("click", () => {
      box.remove();
      if (turn !== drawn) { words("bad", "Too late to undo here: the list has changed since. History has the older one."); return; }
      drawn += 1;
      fields.replaceChildren(...nodes);
      form.dispatchEvent(new CustomEvent("greenroom:redrawn"));
      changed(100);
    });
    document.getElementById("toasts")?.append(box);
    setTimeout(() => box.remove(), 20000);
  }
  async function redraw(verb, at) {
    const turn = ++drawn;
    clearTimeout(timer);
    words("busy", "Not saved yet");
    const fields = document.getElementById("editor-fields");
    const open = new Set([...fields.querySelectorAll("details[open]")].map((each) => each.closest("[data-row]")?.dataset.row)
      .filter(Boolean).map((each) => moved(each, verb, at)));
    const [focused, named] = [document.activeElement, document.activeElement?.name || ""];
    const where = (name) => name.slice(0, 2) + moved(name.slice(2), verb, at);
    const controls = () => [...fields.querySelectorAll("input:not([type=hidden]), textarea, select")].filter((each) => each.name);
    const value = (each) => (each.type === "checkbox" ? each.checked : each.value);
    const sent = new Map(controls().map((each) => [each.name, value(each)]));
    let reply = null;
    drawing = true;
    try { reply = await send({ "X-Redraw": "1" }, [[verb, at]]); } catch { reply = null; }
    if (turn !== drawn) return;
    drawing = false;
    if (!reply?.ok) { words("bad", "Not done: the server did not answer. What you typed is still here."); return; }
    const found = new DOMParser().parseFromString(await reply.text(), "text/html");
    if (turn !== drawn) return;
    drawn += 1;
    // What was typed while the answer was on its way is kept, and so is the caret.
    const late = controls().filter((each) => sent.has(each.name) && sent.get(each.name) !== value(each)).map((each) => [where(each.name), value(each)]);
    const active = fields.contains(document.activeElement) ? document.activeElement : null;
    const caret = active && [where(active.name || ""), active.selectionStart, active.selectionEnd];
    if (verb === "remove") offerUndo([...fields.childNodes]);
    for (const fresh of found.querySelectorAll("[data-part]")) document.getElementById(fresh.id)?.replaceChildren(...fresh.childNodes);
    for (const row of fields.querySelectorAll("[data-row]")) {
      if (open.has(row.dataset.row)) row.querySelector("details").open = true;
    }
    const called = (name) => name && fields.querySelector(`[name="${CSS.escape(name)}"]`);
    for (const [name, typed] of late) {
      const field = called(name);
      if (field) field[field.type === "checkbox" ? "checked" : "value"] = typed;
    }
    const goal = fields.querySelector("[data-focus]");
    const row = goal?.closest("[data-row]");
    if (verb === "add" || verb === "insert") {
      if (row) row.querySelector("details").open = true;
      (row?.querySelector(":is(input:not([type=hidden], [data-identity]), select:not([data-redraw]), textarea)") || goal)?.focus();
    } else if ((verb === "up" || verb === "down") && focused.matches(".tool-button")) {
      const tools = row?.querySelector(":scope > .element-tools") || fields;
      const place = row ? "" : `[value="${CSS.escape(moved(at, verb, at))}"]`;
      const other = verb === "up" ? "down" : "up";
      (tools.querySelector(`[name=${verb}]${place}:not([disabled])`) || tools.querySelector(`[name=${other}]${place}`) || goal)?.focus();
    } else if (verb === "up" || verb === "down") {
      (called(where(named)) || goal)?.focus();
    } else if (verb === "remove") {
      (goal || fields.querySelector(`[name=add][value="${CSS.escape(at.slice(0, at.lastIndexOf("/")))}"]`))?.focus();
    } else if (verb === "redraw" && at) {
      const rows = fields.querySelectorAll(`[name^="k:${CSS.escape(at)}/"]`);
      if (rows.length) rows[rows.length - 1].focus();
    } else if (caret) {
      const field = called(caret[0]);
      field?.focus();
      if (field && caret[1] !== null && field.setSelectionRange) field.setSelectionRange(caret[1], caret[2]);
    }
    goal?.scrollIntoView({ block: "nearest" });
    form.dispatchEvent(new CustomEvent("greenroom:redrawn"));
    changed(100);
  }

  const VERBS = ["add", "insert", "remove", "up", "down", "redraw", "as_json"];
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && VERBS.includes(button.name)) {
      event.preventDefault();
      redraw(button.name, button.value);
      return;
    }
    dirty = false;
    clearTimeout(timer);
  });
  form.addEventListener("input", (event) => {
    // Who names an element by its id goes on naming it.
    const field = event.target;
    if (field.dataset.identity) {
      const before = field.dataset.was ?? field.defaultValue;
      for (const option of form.querySelectorAll("select[data-goal] option")) {
        if (before && option.value === before) { option.value = field.value; }
      }
      field.dataset.was = field.value;
    }
    if (field.matches("[data-redraw]")) return;
    changed();
  });
  form.addEventListener("change", (event) => { if (event.target.matches("[data-redraw]")) redraw("redraw", ""); });
  form.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-row]");
    if (row && event.altKey && !event.ctrlKey && !event.metaKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      row.querySelector(`:scope > .element-tools [name=${event.key === "ArrowUp" ? "up" : "down"}]:not([disabled])`)?.click();
    } else if (event.key === "Enter" && !event.isComposing && event.target.matches("input[data-kinds], .map-row input, .argument input") && !event.defaultPrevented) {
      // Enter in a line asks for the next one; it does not press the first button of the form.
      event.preventDefault();
      const table = event.target.closest("fieldset")?.querySelector("[data-last]");
      if (table) table.click();
      else changed(0);
    }
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (!opener) return;
    event.preventDefault();
    const element = document.getElementById(opener.dataset.opens);
    if (!element) return;
    element.open = true;
    element.querySelector("summary").focus();
    element.scrollIntoView({ block: "center" });
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      clearTimeout(timer);
      save();
    }
  });
  // What was typed before this script was there.
  if ([...form.querySelectorAll("input:not([type=hidden], [type=checkbox]), textarea")].some((each) => each.value !== each.defaultValue)) changed();
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
})();
