// Colours code as one types and numbers its lines. Tab indents; after Escape it leaves the field.
(() => {
  "use strict";
  const form = document.getElementById("editor");
  if (!form) return;
  const MOST = 60000;
  const KEYWORDS = "and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield";
  const TOKENS = new RegExp([
    "(?<c>#[^\\n]*)",
    "(?<s>[rbfu]{0,2}(?:\"\"\"[\\s\\S]*?(?:\"\"\"|$)|'''[\\s\\S]*?(?:'''|$)|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?))",
    "(?<nf>(?<=\\b(?:def|class)\\s+)[A-Za-z_]\\w*)",
    `(?<k>\\b(?:${KEYWORDS})\\b)`,
    "(?<kc>\\b(?:None|True|False)\\b)",
    "(?<mi>\\b\\d[\\w.]*)",
    "(?<nd>(?<=^|\\n)\\s*@[\\w.]+)",
  ].join("|"), "gi");

  function paint(text, place) {
    const parts = [];
    let at = 0;
    if (text.length <= MOST) {
      for (const found of text.matchAll(TOKENS)) {
        const [sort, word] = Object.entries(found.groups).find(([, each]) => each !== undefined);
        if (found.index > at) parts.push(text.slice(at, found.index));
        parts.push(Object.assign(document.createElement("span"), { className: sort, textContent: word }));
        at = found.index + word.length;
      }
    }
    parts.push(`${text.slice(at)}\n`);
    place.replaceChildren(...parts);
  }

  function dress(area) {
    const box = area.closest(".code-box");
    if (!box || box.dataset.done) return;
    box.dataset.done = "";
    const numbers = Object.assign(document.createElement("div"), { className: "code-numbers" });
    const behind = Object.assign(document.createElement("pre"), { className: "code-paint" });
    for (const each of [numbers, behind]) each.setAttribute("aria-hidden", "true");
    const words = document.createElement("code");
    behind.append(words);
    box.prepend(numbers, behind);
    box.classList.add("is-painted");
    let bad = new Set();
    const draw = () => {
      paint(area.value, words);
      const count = area.value.split("\n").length;
      numbers.replaceChildren(...Array.from({ length: count }, (_, n) => {
        const line = Object.assign(document.createElement("span"), { textContent: n + 1 });
        if (bad.has(n + 1)) line.className = "is-bad";
        return line;
      }));
      follow();
    };
    const follow = () => {
      behind.scrollTop = numbers.scrollTop = area.scrollTop;
      behind.scrollLeft = area.scrollLeft;
    };
    area.addEventListener("input", draw);
    area.addEventListener("scroll", follow);
    form.addEventListener("greenroom:findings", (event) => {
      bad = new Set(event.detail.map((each) => each.line).filter(Boolean));
      if (area.isConnected) draw();
    });
    bad = new Set([...form.querySelectorAll("[data-line]")].map((each) => Number(each.dataset.line)));
    draw();
  }

  function insert(area, text) {
    // The browser's own way, so that undo knows it.
    if (!document.execCommand("insertText", false, text)) area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  }
  let leaving = false;
  form.addEventListener("keydown", (event) => {
    const area = event.target;
    if (!area.matches("textarea[data-code]")) return;
    if (event.key === "Escape") { leaving = true; return; }
    if (event.key === "Tab" && !event.shiftKey && !leaving && !event.ctrlKey && !event.altKey) {
      event.preventDefault();
      insert(area, "    ");
    } else if (event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      const line = area.value.slice(area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, area.selectionStart);
      insert(area, `\n${/^\s*/.exec(line)[0]}${/:\s*(#.*)?$/.test(line) ? "    " : ""}`);
    }
    leaving = false;
  });
  form.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    const area = form.querySelector("textarea[data-code]");
    if (!link || !area) return;
    event.preventDefault();
    const lines = area.value.split("\n");
    const goal = Math.min(Number(link.dataset.line), lines.length);
    const from = lines.slice(0, goal - 1).reduce((sum, each) => sum + each.length + 1, 0);
    area.focus();
    area.setSelectionRange(from, from + lines[goal - 1].length);
    const height = parseFloat(getComputedStyle(area).lineHeight) || 20;
    area.scrollTop = Math.max(0, (goal - 4) * height);
    area.scrollIntoView({ block: "nearest" });
  });
  const all = () => form.querySelectorAll("textarea[data-code]").forEach(dress);
  form.addEventListener("greenroom:redrawn", all);
  all();
})();
