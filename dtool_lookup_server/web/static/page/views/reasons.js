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

/** Return lines with matches, as the API gives them, of what else is not seen of a dataset. */
export function reasons(matches) {
  return matches.slice(0, MOST).map(({ field, text, marks }) =>
    h(
      "p",
      {},
      h("span", { class: "where" }, NAMES[field] ?? field.replace(/^annotation\./, "")),
      " ",
      h("bdi", {}, marked(text, marks)),
    ),
  );
}
