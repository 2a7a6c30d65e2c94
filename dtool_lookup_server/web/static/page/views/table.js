/** Tables that are one column of cards on a phone. */

import { h } from "../dom.js";

/**
 * Return a table. On a small screen each row is a card, and each cell says its column.
 *
 * Roles are said: where a table is laid out otherwise, browsers forget that it is one.
 *
 * @param titles of the columns; null for one that has a button to delete
 * @param rows arrays of what is in their cells, the first of which names the row
 */
export function table(titles, rows) {
  return h(
    "table",
    { class: "stacking", role: "table" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, titles.map(column))),
    h("tbody", { role: "rowgroup" }, rows.map((cells) => h("tr", { role: "row" }, cells.map((content, index) => cell(content, titles[index], index))))),
  );
}

function column(title) {
  return h("th", { scope: "col", role: "columnheader" }, title ?? h("span", { class: "unseen" }, "Delete"));
}

function cell(content, title, index) {
  if (index === 0) return h("th", { scope: "row", role: "rowheader" }, content);
  if (title === null) return h("td", { class: "last", role: "cell" }, content);
  // What the head says of a column is out of sight on a phone.
  return h("td", { role: "cell" }, h("span", { class: "of-column", "aria-hidden": "true" }, title), h("div", {}, content));
}

/** Return a table that can be scrolled sideways by the keyboard too. */
export function framed(table, name) {
  return h("div", { class: "framed", role: "region", "aria-label": name, tabindex: "0" }, table);
}
