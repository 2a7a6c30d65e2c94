/** The numbers beside the filters: each as if its own filter were not set. */

import * as api from "./api.js";
import { body } from "./query.js";

/** The steps of the facet sizes, with their limits, in bytes, as the address has them. */
export const SIZES = [
  { value: "<1KB", text: "under 1 kB", min: "", max: "999" },
  { value: "1KB..1MB", text: "1 kB to 1 MB", min: "1000", max: "1000000" },
  { value: "1MB..1GB", text: "1 MB to 1 GB", min: "1000000", max: "1000000000" },
  { value: "1GB..1TB", text: "1 GB to 1 TB", min: "1000000000", max: "1000000000000" },
  { value: ">1TB", text: "over 1 TB", min: "1000000000001", max: "" },
];

/** Ask for the summary of a search, with the facets that are years and sizes. */
export async function summary(search, signal) {
  return asked("/uris/summary?facets=years,sizes", body(search), signal);
}

/**
 * Return a promise of a Map from the values of a filter to numbers of datasets.
 *
 * All of them, which facets are not: the page looks for values among them itself.
 *
 * @param whole the promise of the summary of the search
 */
export async function ofValues(search, { name, word, every }, signal, whole) {
  // Of values that must all be there, those beside the ones that are set count.
  const stays = every || !search[name].length;
  const data = await (stays ? whole : asked("/uris/summary", body(search, name), signal));
  return new Map(Object.entries(data[`datasets_per_${word}`]));
}

async function asked(path, query, signal) {
  const { data } = await api.request(path, { method: "POST", body: query, signal });
  return data;
}

/** Return a Map from the values of a facet to numbers of datasets. */
export function ofFacet({ facets }, name) {
  return new Map(facets[name].map(({ value, count }) => [value, count]));
}
