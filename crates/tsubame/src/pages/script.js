// Comfort only: every page works without it.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Whoever signs in next in this tab finds nothing that was written in it.
  all("form.sign-out").forEach((form) => form.addEventListener("submit", () => sessionStorage.clear()));

  // A tooltip that opens at once and can be read while the pointer moves; the SVG titles remain for everybody else.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  document.addEventListener("pointermove", (event) => {
    const mark = event.target.closest && event.target.closest("svg .mark");
    const title = mark && mark.querySelector("title");
    if (mark && title) mark.dataset.tip = title.textContent, title.remove();
    tip.hidden = !(mark && mark.dataset.tip);
    if (tip.hidden) return;
    tip.textContent = mark.dataset.tip;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + "px";
  });

  // Pointing at a series in the legend dims the others.
  all(".legend li[data-series]").forEach((item, index) => {
    const figure = item.closest("figure");
    const place = [...item.parentNode.children].indexOf(item);
    const dim = (on) => {
      figure.classList.toggle("dimmed", on);
      all(".mark", figure).forEach((mark) => mark.classList.toggle("lit", on && mark.classList.contains("s" + (place % 8))));
      all("path.line", figure).forEach((line) => line.classList.toggle("lit", on && line.classList.contains("s" + (place % 8))));
    };
    item.addEventListener("pointerenter", () => dim(true));
    item.addEventListener("pointerleave", () => dim(false));
  });

  // Long tables get a filter.
  all(".table-scroll table").forEach((table) => {
    const rows = all("tbody tr", table);
    if (rows.length < 20) return;
    const input = document.createElement("input");
    input.type = "search";
    input.className = "table-filter";
    input.placeholder = document.documentElement.lang === "en" ? "Filter rows" : "行を絞り込む";
    input.setAttribute("aria-label", input.placeholder);
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      rows.forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(wanted)));
    });
    table.parentNode.before(input);
  });

  // A file may be dropped anywhere on the drop field.
  all(".drop").forEach((drop) => {
    const mark = (on) => drop.classList.toggle("over", on);
    ["dragenter", "dragover"].forEach((name) => drop.addEventListener(name, (event) => (event.preventDefault(), mark(true))));
    drop.addEventListener("dragleave", () => mark(false));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      mark(false);
      drop.querySelector("input").files = event.dataTransfer.files;
    });
  });
})();
