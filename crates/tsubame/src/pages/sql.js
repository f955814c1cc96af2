// The keys one expects of an editor. The page works without them.
(() => {
  "use strict";
  const text = document.querySelector("#sql");
  if (!text) return;
  // What is typed stands where the caret is, and Ctrl+Z takes it back.
  const insert = (words) => {
    text.focus();
    text.setSelectionRange(text.selectionEnd, text.selectionEnd);
    document.execCommand("insertText", false, words);
  };

  // Tab indents; after Escape it leaves, as everywhere else.
  let leaves = false;
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaves = true;
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      text.form.requestSubmit(text.form.querySelector("button.primary"));
    } else if (event.key === "Tab" && !event.shiftKey && !leaves) {
      event.preventDefault();
      insert("  ");
    } else if (event.key !== "Tab") leaves = false;
  });
  text.addEventListener("blur", () => (leaves = false));

  // Enter in a field of its own saves, and runs nothing.
  text.form.querySelectorAll("[data-enter]").forEach((fields) =>
    fields.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
      event.preventDefault();
      text.form.requestSubmit(fields.querySelector("button[type=submit]"));
    }),
  );

  // What was written here is there again where the page comes back without it: in another language, or after signing in.
  const KEPT = "tsubame.sql";
  const keep = () => sessionStorage.setItem(KEPT, text.value);
  try {
    const kept = sessionStorage.getItem(KEPT);
    if ("example" in text.dataset && kept) text.value = kept;
    text.addEventListener("input", keep);
    text.form.addEventListener("submit", keep);
  } catch {
    // A browser may keep nothing.
  }

  // The caret stands where an error is.
  const line = Number(text.dataset.line);
  if (line) {
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    const before = Array.from(lines[line - 1] || "").slice(0, Math.max(0, Number(text.dataset.column) - 1));
    text.focus();
    text.setSelectionRange(start + before.join("").length, start + before.join("").length);
  }

  document.querySelectorAll("[data-insert]").forEach((button) => button.addEventListener("click", () => insert(button.dataset.insert)));
})();
