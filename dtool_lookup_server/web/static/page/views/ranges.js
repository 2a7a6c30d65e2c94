/** The filters by date and size. */

import { SIZES as STEPS } from "../counts.js";
import { fill, h } from "../dom.js";
import * as format from "../format.js";
import { addressOf } from "../query.js";
import { stepsFilter } from "./steps.js";

const SIZES = [1e3, 1e6, 1e9, 1e10, 1e11, 1e12].map(String);

/**
 * Return { element, show(search), showNumbers(name, numbers) }; of "years" or "sizes".
 *
 * @param change called with the limits that are new: { from: "2024-01-01" }
 */
export function rangeFilters(change) {
  const date = (name) => h("input", { type: "date", id: name, onChange: (event) => change({ [name]: event.target.value }) });
  const size = (name) => h("select", { id: name, onChange: (event) => change({ [name]: event.target.value }) });
  const inputs = { from: date("from"), to: date("to"), min: size("min"), max: size("max") };
  const labelled = (name, text) => h("div", {}, h("label", { for: name }, text), inputs[name]);
  const ranges = (...rows) => h("div", { class: "ranges" }, rows);
  const years = stepsFilter("Frozen", ranges(labelled("from", "from"), labelled("to", "to")));
  const sizes = stepsFilter("Size", ranges(labelled("min", "at least"), labelled("max", "at most")));

  let search = null;
  const numbers = { years: new Map(), sizes: new Map() };

  // With each search, the numbers may be those of the one before; the links may not.
  function draw() {
    years.show([...numbers.years].reverse().map(([year, count]) => step(search, year, count, { from: `${year}-01-01`, to: `${year}-12-31` })));
    const steps = STEPS.map(({ value, text, min, max }) => step(search, text, numbers.sizes.get(value) ?? 0, { min, max }));
    sizes.show(steps.filter(({ count, set }) => count || set));
  }

  return {
    element: [years.element, sizes.element],
    show(newSearch) {
      search = newSearch;
      inputs.from.value = search.from;
      inputs.to.value = search.to;
      for (const name of ["min", "max"]) fill(inputs[name], options(search[name]));
      draw();
    },
    showNumbers(name, found) {
      numbers[name] = found;
      draw();
    },
  };
}

function step(search, text, count, limits) {
  const set = Object.entries(limits).every(([name, value]) => search[name] === value);
  const none = Object.fromEntries(Object.keys(limits).map((name) => [name, ""]));
  return { text, count, set, href: addressOf({ ...search, ...(set ? none : limits), page: 1 }) };
}

function options(chosen) {
  const sizes = chosen && !SIZES.includes(chosen) ? [...SIZES, chosen] : SIZES;
  return [
    h("option", { value: "" }, "any"),
    sizes.map((value) => h("option", { value, selected: value === chosen }, format.bytes(Number(value)))),
  ];
}

/** Return the limits of a search as [what a person calls it, what takes it away]. */
export function limitsInWords(search) {
  const limits = [];
  if (search.from || search.to) limits.push([span(search.from, search.to), { from: "", to: "" }]);
  const size = STEPS.find(({ min, max }) => (min || max) && min === search.min && max === search.max);
  if (size) return [...limits, [size.text, { min: "", max: "" }]];
  if (search.min) limits.push([`at least ${format.bytes(Number(search.min))}`, { min: "" }]);
  if (search.max) limits.push([`at most ${format.bytes(Number(search.max))}`, { max: "" }]);
  return limits;
}

function span(from, to) {
  if (from.endsWith("-01-01") && to === `${from.slice(0, 4)}-12-31`) return `frozen in ${from.slice(0, 4)}`;
  return ["frozen", from && `from ${from}`, to && `to ${to}`].filter(Boolean).join(" ");
}
