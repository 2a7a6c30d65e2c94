/** A search as the address bar has it, and as the API takes it. */

import { to } from "./address.js";

export const PAGE_SIZE = 20;

/** The filters: the address's name, the query's key, and the summary's word for it. */
export const FILTERS = [
  { name: "creator", key: "creator_usernames", word: "creator", title: "Creators" },
  { name: "base_uri", key: "base_uris", word: "base_uri", title: "Base URIs" },
  { name: "tag", key: "tags", word: "tag", title: "Tags", every: true },
];

/** The limits: the address's name, and how its text becomes what the API takes. */
const LIMITS = [
  { name: "from", key: "frozen_after", value: (text) => midnight(text) },
  { name: "to", key: "frozen_before", value: (text) => midnight(text) + 86_400 },
  { name: "min", key: "min_size", value: Number },
  { name: "max", key: "max_size", value: Number },
];

/** How results may be sorted; the first is for queries with words. */
export const SORTS = [
  ["relevance", "Best match"],
  ["-frozen_at", "Newest"],
  ["frozen_at", "Oldest"],
  ["name", "Name, A to Z"],
  ["-name", "Name, Z to A"],
  ["-size_in_bytes", "Largest"],
  ["-number_of_items", "Most items"],
  ["creator_username", "Creator"],
  ["base_uri", "Base URI"],
];

/** Return the search that an address stands for. */
export function read(place) {
  const q = place.get("q") ?? "";
  const standard = standardSort(q);
  const sort = place.get("sort");
  const known = SORTS.some(([key]) => key === sort) && (sort !== "relevance" || q.trim());
  return {
    q,
    creator: place.getAll("creator"),
    base_uri: place.getAll("base_uri"),
    tag: place.getAll("tag"),
    ...Object.fromEntries(LIMITS.map(({ name, value }) => [name, limit(place.get(name), value)])),
    sort: known ? sort : standard,
    page: Math.max(1, Number.parseInt(place.get("page") ?? "1", 10) || 1),
  };
}

/** Return the text of a limit if it is one: a day such as 2024-03-31, or a number. */
function limit(text, value) {
  return text && Number.isFinite(value(text)) && value(text) >= -62_135_596_800 ? text : "";
}

function midnight(day) {
  return /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) / 1000 : NaN;
}

/** Return the address of a search. */
export function addressOf({ sort, page, ...rest }) {
  return to({
    ...rest,
    sort: sort === standardSort(rest.q ?? "") ? undefined : sort,
    page: page > 1 ? page : undefined,
  });
}

function standardSort(q) {
  return q.trim() ? "relevance" : "-frozen_at";
}

/** Return the query of a search, as JSON for the API, without the filter of one name. */
export function body(search, without) {
  const query = {};
  if (search.q.trim()) query.free_text = search.q;
  for (const { name, key } of FILTERS) {
    if (name !== without && search[name].length) query[key] = search[name];
  }
  for (const { name, key, value } of LIMITS) {
    if (search[name]) query[key] = value(search[name]);
  }
  return query;
}

/** Tell whether a search has a filter or a limit. */
export function isFiltered(search) {
  return FILTERS.some(({ name }) => search[name].length) || LIMITS.some(({ name }) => search[name]);
}

/** Return the path, with page and sort, to which the query is sent; with reasons or not. */
export function path({ sort, page }, highlight = false) {
  const parameters = new URLSearchParams({ page, page_size: PAGE_SIZE });
  if (highlight) parameters.set("highlight", "true");
  if (sort !== "relevance") parameters.set("sort", `${sort},uri`);
  return `/uris?${parameters}`;
}

/** Return a search with one value of a filter set or taken away, on its first page. */
export function toggled(search, name, value) {
  const values = search[name].includes(value)
    ? search[name].filter((each) => each !== value)
    : [...search[name], value];
  return { ...search, [name]: values, page: 1 };
}
