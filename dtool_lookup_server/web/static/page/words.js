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
/** How much of a text is shown around a word, in UTF-16 units. */
const BEFORE = 60;
const AFTER = 120;

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

/** Tell whether one of the words is in a text. */
export function isIn(text, words) {
  return !matches(text, words).next().done;
}

/** Return what is around the first of the words in a text, as marked() does. */
export function excerpt(text, words) {
  const { index } = matches(text, words).next().value;
  const start = Math.max(0, text.lastIndexOf("\n", index) + 1, index - BEFORE);
  const lineEnd = text.indexOf("\n", index);
  const end = Math.min(lineEnd < 0 ? text.length : lineEnd, index + AFTER);
  const cutBefore = start > 0 && text[start - 1] !== "\n" ? "…" : "";
  const cutAfter = end < text.length && text[end] !== "\n" ? "…" : "";
  // Half of a character that takes two is none.
  return [cutBefore, ...marked(text.slice(start, end).toWellFormed(), words), cutAfter];
}

function* matches(text, { stems, starts }) {
  for (const match of text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    const word = folded(match[0]);
    if (stems.has(stem(word)) || [...starts].some((start) => word.startsWith(start))) yield match;
  }
}

/** Return text as an array of strings and <mark> elements. */
export function marked(text, words) {
  const parts = [];
  let end = 0;
  for (const match of matches(text, words)) {
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
