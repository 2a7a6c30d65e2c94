/**
 * The words of a query that a reader looks for in what was found.
 *
 * Which datasets are found is the server's to say. This marks in names and tags what a
 * person would, and knows enough of word forms for that.
 */

import { h } from "./dom.js";

const FIELD = /\b[\w.]+:(?=\S)/g;
const WORD = /[\p{L}\p{N}\p{M}]+\*?/gu;
const OPERATORS = new Set(["AND", "OR", "NOT"]);
const ENDINGS = /(?:ies|ing|ed|es|s|y|e)$/;

/** Return what to mark: { stems, starts }, both sets of folded words. */
export function wordsOf(query) {
  const stems = new Set();
  const starts = new Set();
  const asked = ` ${query}`.replace(/(\s)-(?:"[^"]*"|\S+)/g, "$1").replace(FIELD, " ");
  for (const [word] of asked.matchAll(WORD)) {
    if (OPERATORS.has(word)) continue;
    if (word.endsWith("*")) starts.add(folded(word.slice(0, -1)));
    else if (word.length > 1) stems.add(stem(folded(word)));
  }
  starts.delete("");
  return { stems, starts };
}

/** Return text as an array of strings and <mark> elements. */
export function marked(text, { stems, starts }) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    const word = folded(match[0]);
    if (!stems.has(stem(word)) && ![...starts].some((start) => word.startsWith(start))) continue;
    parts.push(text.slice(end, match.index), h("mark", {}, match[0]));
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts.filter(Boolean);
}

/** Return text in lower case and without accents. */
export function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function stem(word) {
  const short = word.replace(ENDINGS, "");
  return short.length > 2 ? short : word;
}
