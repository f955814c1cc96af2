// The keys one expects of an editor. The page works without them.
(() => {
  "use strict";
  const text = document.querySelector("#sql");
  if (!text) return;
  const insert = (words) => {
    text.focus();
    text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
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

  // The line that an error names is selected.
  const line = Number(text.dataset.line);
  if (line) {
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[line - 1] || "").length);
  }

  document.querySelectorAll("[data-insert]").forEach((button) => button.addEventListener("click", () => insert(button.dataset.insert)));
})();
