"use strict";

// The theme: what the system has, until the reader picks one.
const theme = document.getElementById("theme");
const themes = ["system", "light", "dark"];

function storedTheme() {
  try {
    return localStorage.getItem("compressor-theme");
  } catch {
    return null; // a page that is opened as a file may have no storage
  }
}

function useTheme(name) {
  document.documentElement.toggleAttribute("data-theme", name !== "system");
  if (name !== "system") document.documentElement.setAttribute("data-theme", name);
  theme.textContent = `theme: ${name}`;
}

let current = themes.includes(storedTheme()) ? storedTheme() : "system";
theme.hidden = false;
useTheme(current);
theme.addEventListener("click", () => {
  current = themes[(themes.indexOf(current) + 1) % themes.length];
  useTheme(current);
  try {
    localStorage.setItem("compressor-theme", current);
  } catch {
    // the choice then holds until the page is closed
  }
});

// Tables that sort by a click on a heading: figures by their value, anything else by its text.
function orderOf(row, index) {
  const cell = row.cells[index];
  return cell.dataset.order === undefined ? cell.textContent : Number(cell.dataset.order);
}

function sortBy(table, index) {
  const heads = table.tHead.rows[0].cells;
  const rows = [...table.tBodies[0].rows];
  const figures = rows.length > 0 && typeof orderOf(rows[0], index) === "number";
  const before = heads[index].getAttribute("aria-sort");
  const ascending = before === null ? !figures : before === "descending";
  rows.sort((one, other) => {
    const [a, b] = [orderOf(one, index), orderOf(other, index)];
    const order = figures ? a - b : a.localeCompare(b, "en", { numeric: true });
    return ascending ? order : -order;
  });
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[index].setAttribute("aria-sort", ascending ? "ascending" : "descending");
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, index) => {
    head.querySelector("button").addEventListener("click", () => sortBy(table, index));
  });
}

// The filter of the table of layers, on pages that have one: every word must be in the row.
const filter = document.getElementById("filter");
const shown = document.getElementById("shown");
const tensors = document.getElementById("tensors");

filter?.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...tensors.tBodies[0].rows];
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
  shown.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} tensors`;
});

// Paper has no folds.
const opened = [];
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    fold.open = true;
    opened.push(fold);
  }
});
addEventListener("afterprint", () => {
  for (const fold of opened.splice(0)) fold.open = false;
});
