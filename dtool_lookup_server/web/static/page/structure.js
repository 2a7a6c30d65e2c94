/** JSON and its like as nested lists of names and values. */

import { h } from "./dom.js";
import { linked } from "./links.js";

/** Deeper than this, a value is shown as its JSON. */
const DEEPEST = 12;

/** Of a longer list or object, only the beginning is shown. */
const LONGEST = 500;

/**
 * Return an element that shows a value.
 *
 * @param value a string, number, boolean or null, an array, an object or a Map
 */
export function structure(value, depth = 0) {
  const entries = entriesOf(value);
  if (entries && depth < DEEPEST) {
    return entries.length ? named(entries, depth) : h("span", { class: "quiet" }, "empty");
  }
  if (Array.isArray(value) && depth < DEEPEST) {
    return value.length ? listed(value, depth) : h("span", { class: "quiet" }, "empty");
  }
  if (typeof value === "string") return text(value);
  return h("span", { class: "literal" }, JSON.stringify(value));
}

function entriesOf(value) {
  if (value instanceof Map) return [...value];
  if (value && typeof value === "object" && !Array.isArray(value)) return Object.entries(value);
  return null;
}

function named(entries, depth) {
  const rows = entries.slice(0, LONGEST).map(([name, value]) =>
    h(
      "div",
      { class: isNested(value) ? "nested" : undefined },
      h("dt", { dir: "auto" }, name),
      h("dd", {}, structure(value, depth + 1)),
    ),
  );
  return h("dl", { class: "structure" }, rows, more(entries));
}

function listed(values, depth) {
  const items = values.slice(0, LONGEST).map((value) => h("li", {}, structure(value, depth + 1)));
  return h("ul", { class: "structure" }, items, values.length > LONGEST && h("li", {}, rest(values)));
}

function more(entries) {
  return entries.length > LONGEST && h("div", {}, h("dt", {}, "…"), h("dd", {}, rest(entries)));
}

function rest(values) {
  return `and ${values.length - LONGEST} more`;
}

function isNested(value) {
  return Array.isArray(value) ? value.some(isNested) || value.length > 3 : entriesOf(value) !== null;
}

function text(value) {
  return h(value.includes("\n") ? "div" : "span", { class: "text", dir: "auto" }, linked(value));
}
