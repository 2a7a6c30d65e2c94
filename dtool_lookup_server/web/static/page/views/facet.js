/** One filter: its values with their numbers, the frequent ones first. */

import { fill, h, newId, own } from "../dom.js";
import { number } from "../format.js";
import { folded } from "../words.js";

const FEW = 7;
const MANY = 50;

/**
 * Return { element, show(counts, selected) }; counts is a Map from values to numbers,
 * null where they are not known.
 *
 * @param title of the filter: Creators
 * @param toggle called with a value that is checked or no longer
 */
export function facet(title, toggle) {
  let counts = new Map();
  let known = true;
  let sorted = [];
  let selected = [];
  let all = false;
  const id = newId("facet");
  const list = h("ul", {});
  const note = h("p", { class: "quiet" });
  const filter = h("input", {
    type: "search",
    placeholder: `Filter ${title.toLowerCase()}`,
    "aria-label": `Filter ${title.toLowerCase()}`,
    onInput: () => draw(),
  });
  const more = h("button", { type: "button", class: "plain", "aria-expanded": "false", onClick: expand });
  const element = h("fieldset", { class: "facet" }, h("legend", {}, title), filter, list, more, note);

  function expand() {
    all = !all;
    more.setAttribute("aria-expanded", String(all));
    draw();
  }

  function draw() {
    // Drawing anew must not take the focus from the box that was just checked.
    const focused = list.contains(document.activeElement) ? document.activeElement.value : null;
    const wanted = folded(filter.value.trim());
    const rest = sorted.filter((value) => !selected.includes(value));
    const hits = wanted ? rest.filter((value) => folded(value).includes(wanted)) : rest;
    const limit = all || wanted ? MANY : Math.max(FEW - selected.length, 0);
    fill(list, [...selected, ...hits.slice(0, limit)].map(box));
    filter.hidden = sorted.length <= FEW;
    more.hidden = Boolean(wanted) || rest.length <= Math.max(FEW - selected.length, 0);
    more.textContent = all ? "Show fewer" : `Show more (${number(sorted.length)})`;
    note.textContent = noteOn(hits.length, limit, wanted);
    if (focused !== null) {
      [...list.querySelectorAll("input")].find((input) => input.value === focused)?.focus();
    }
  }

  function noteOn(hits, limit, wanted) {
    if (!sorted.length && !selected.length) return known ? "None" : "";
    if (wanted && !hits) return "None has this in it";
    return (all || wanted) && hits > limit ? `${number(hits - limit)} more: filter to find them` : "";
  }

  function box(value) {
    const key = `${id}-${value}`;
    return h(
      "li",
      {},
      h(
        "label",
        {},
        h("input", {
          type: "checkbox",
          value,
          checked: selected.includes(value),
          name: key,
          onChange: () => toggle(value),
        }),
        own(value, { class: "value" }),
        h("span", { class: "number" }, number(counts.get(value) ?? 0)),
      ),
    );
  }

  return {
    element,
    show(newCounts, newSelected) {
      known = newCounts !== null;
      counts = newCounts ?? new Map();
      sorted = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || a.localeCompare(b));
      selected = newSelected;
      draw();
    },
  };
}
