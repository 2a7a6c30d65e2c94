/** Why a dataset was found: the words of the query, marked where they stand. */

import { h } from "../dom.js";

/** Lines below a dataset. */
const MOST = 3;

const NAMES = { readme: "README", item: "Item", uri: "URI" };

/**
 * Return text as an array of strings and <mark> elements.
 *
 * @param marks places in it, [start, end], in code points
 */
export function marked(text, marks) {
  const characters = [...text];
  const parts = [];
  let from = 0;
  for (const [start, end] of marks) {
    parts.push(characters.slice(from, start).join(""), h("mark", {}, characters.slice(start, end).join("")));
    from = end;
  }
  return [...parts, characters.slice(from).join("")].filter(Boolean);
}

/** Return the lines of a text that have marks. */
function markedLines(text, marks) {
  const lines = [];
  let from = 0;
  for (const line of text.split("\n")) {
    const to = from + [...line].length;
    const inside = marks.filter(([start, end]) => start >= from && end <= to);
    if (inside.length) lines.push(lines.length > 0 && " … ", marked(line, inside.map(([start, end]) => [start - from, end - from])));
    from = to + 1;
  }
  // A phrase may go over several lines.
  return lines.length ? lines : marked(text, marks);
}

/**
 * Return a line for each field with matches that is not seen of a dataset otherwise.
 *
 * @param matches as the API gives them; of several of one field the first is shown
 */
export function reasons(matches) {
  const fields = new Map(matches.toReversed().map((match) => [match.field, match]));
  return [...fields.values()].reverse().slice(0, MOST).map(({ field, text, marks }) =>
    h(
      "p",
      {},
      h("span", { class: "where" }, NAMES[field] ?? field.replace(/^annotation\./, "")),
      " ",
      h("bdi", {}, markedLines(text, marks)),
    ),
  );
}
