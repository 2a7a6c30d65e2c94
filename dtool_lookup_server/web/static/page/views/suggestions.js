/** What the last word of a query may mean: creators, tags and so on that begin so. */

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { addressOf } from "../query.js";

/** Shown of each kind, and of all. */
const OF_A_KIND = 2;
const MOST = 4;

/** The word that may be completed: no phrase, no bracket, nothing that is left out. */
const LAST_WORD = /(?:^|\s)([\p{L}\p{N}][^\s"()*]+)$/u;

/** Return { element, ask(search, signal) }; each suggestion is a link to its search. */
export function suggestions() {
  const element = h("div", { class: "suggestions", role: "group", "aria-label": "Suggestions" });
  element.hidden = true;

  function show(search, word, found) {
    const before = search.q.slice(0, search.q.length - word.length);
    const queries = few(found).filter((query) => query.toLowerCase() !== word.toLowerCase());
    element.hidden = !queries.length;
    fill(
      element,
      queries.map((query) => h("a", { class: "example", dir: "auto", href: addressOf({ ...search, q: before + query, page: 1 }) }, query)),
    );
  }

  return {
    element,
    async ask(search, signal) {
      const word = search.q.match(LAST_WORD)?.[1];
      if (!word) return show(search, "", []);
      try {
        const { data } = await api.request(`/suggest?${new URLSearchParams({ q: word })}`, { signal });
        show(search, word, data);
      } catch (error) {
        // One can search without them.
        if (!("status" in error) && error.name !== "AbortError") throw error;
      }
    },
  };
}

function few(found) {
  const shown = new Map();
  const some = found.filter(({ field }) => {
    shown.set(field, (shown.get(field) ?? 0) + 1);
    return shown.get(field) <= OF_A_KIND;
  });
  return some.slice(0, MOST).map(({ query }) => query);
}
