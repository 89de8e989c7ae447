// Saves what is edited as one goes, and says so; what the server refuses stands beside its field.
(() => {
  "use strict";
  const form = document.getElementById("editor");
  const state = document.getElementById("save-state");
  if (!form || form.dataset.autosave !== "on") return;
  const words = (tone, text) => { state.textContent = text; state.dataset.tone = tone; };
  let timer = 0;
  let saving = false;
  let again = false;
  let dirty = false;

  function showFaults(faults) {
    form.querySelectorAll(".wrong-slot").forEach((slot) => slot.replaceChildren());
    form.querySelectorAll(".is-wrong").forEach((field) => field.classList.remove("is-wrong"));
    for (const fault of faults) {
      let pointer = fault.pointer;
      let slot = null;
      // The nearest field around the place that is wrong.
      while (pointer && !(slot = form.querySelector(`.wrong-slot[data-pointer="${CSS.escape(pointer)}"]`))) {
        pointer = pointer.slice(0, pointer.lastIndexOf("/"));
      }
      if (!slot) continue;
      const line = document.createElement("p");
      line.className = "field-wrong";
      line.textContent = fault.message;
      slot.append(line);
      slot.closest(".field")?.classList.add("is-wrong");
    }
  }

  async function save() {
    if (saving) { again = true; return; }
    saving = true;
    again = false;
    words("busy", "Saving…");
    try {
      const reply = await fetch(form.action, {
        method: "POST",
        headers: { "X-Autosave": "1", "Content-Type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(new FormData(form)),
      });
      const isJson = (reply.headers.get("content-type") || "").startsWith("application/json");
      const told = isJson ? await reply.json() : { detail: "", faults: [] };
      if (reply.ok) {
        form.elements.if_match.value = told.revision;
        dirty = again;
        showFaults([]);
        const at = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
        words("good", `Saved in your draft at ${at}${told.warnings.length ? `. ${told.warnings.join("; ")}` : ""}`);
        const count = document.getElementById("draft-count");
        if (count) count.textContent = told.changes === 1 ? "1 change" : `${told.changes} changes`;
      } else if (reply.status === 412) {
        form.dataset.autosave = "off";
        words("bad", "Not saved: somebody else saved this. Press Save to see both sides.");
      } else if (reply.status === 422) {
        showFaults(told.faults);
        words("bad", `Not saved: ${told.detail}`);
      } else {
        words("bad", "Not saved: the server refused. Press Save to see why.");
      }
    } catch {
      words("bad", "Not saved: the server did not answer. What you typed is still here.");
    } finally {
      saving = false;
      if (again && form.dataset.autosave === "on") save();
    }
  }

  // What is still unsaved, before something else is done with the draft.
  greenroom.saveFirst = () => { clearTimeout(timer); return dirty && form.dataset.autosave === "on" ? save() : Promise.resolve(); };
  form.addEventListener("input", () => {
    dirty = true;
    if (form.dataset.autosave !== "on") return;
    words("busy", "Not saved yet");
    clearTimeout(timer);
    timer = setTimeout(save, 900);
  });
  form.addEventListener("submit", () => { dirty = false; clearTimeout(timer); });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      clearTimeout(timer);
      save();
    }
  });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  // In code, Tab indents; Escape first lets Tab leave the field.
  let leaving = false;
  form.addEventListener("keydown", (event) => {
    if (!event.target.matches("textarea.code")) return;
    if (event.key === "Escape") { leaving = true; return; }
    if (event.key === "Tab" && !event.shiftKey && !leaving) {
      event.preventDefault();
      document.execCommand("insertText", false, "    ");
    }
    leaving = false;
  });
})();
