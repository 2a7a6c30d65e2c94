/** The numbers beside the filters: each as if its own filter were not set. */

import * as api from "./api.js";
import { body } from "./query.js";

/** Steps of sizes, each with limits as the address has them, in bytes. */
export const SIZES = [
  { text: "under 1 MB", min: "", max: "999999" },
  { text: "1 MB to 1 GB", min: "1000000", max: "999999999" },
  { text: "1 GB to 1 TB", min: "1000000000", max: "999999999999" },
  { text: "1 TB and more", min: "1000000000000", max: "" },
];

/** Return a promise of a Map from the values of a filter to numbers of datasets. */
export async function ofValues(search, { name, word, every }, signal, whole) {
  // Of values that must all be there, those beside the ones that are set count.
  const { data } = await (every || !search[name].length ? whole : summary(search, signal, [name]));
  return new Map(Object.entries(data[`datasets_per_${word}`]));
}

/** Ask for the summary of a search without some of its filters. */
export function summary(search, signal, without = []) {
  return api.request("/uris/summary", { method: "POST", body: body(search, without), signal });
}

/** Return a promise of a Map from years to numbers of datasets, the latest year first. */
export async function ofYears(search, signal) {
  const query = body(search, ["from", "to"]);
  const { data } = await api.request("/uris/timeline", { method: "POST", body: query, signal });
  const years = new Map();
  for (const { month, number_of_datasets: number } of data.reverse()) {
    const year = month.slice(0, 4);
    years.set(year, (years.get(year) ?? 0) + number);
  }
  return years;
}

/** Return a promise of the number of datasets of each step of SIZES. */
export function ofSizes(search, signal) {
  return Promise.all(
    SIZES.map(async ({ min, max }) => {
      const query = body({ ...search, min, max });
      const { total } = await api.request("/uris?page_size=1", { method: "POST", body: query, signal });
      return total;
    }),
  );
}
