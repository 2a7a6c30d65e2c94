/** Why a dataset was found, where its name, creator and tags do not show it. */

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { excerpt, isIn } from "../words.js";

/**
 * Return a line that says where the words of a query are in a dataset, or null.
 *
 * What it says is fetched when the line comes into sight.
 *
 * @param words as wordsOf() gives them
 * @param signal aborts the fetching
 */
export function reason(dataset, words, signal) {
  const seen = [dataset.name, dataset.creator_username, ...(dataset.tags ?? [])];
  if (!words.stems.size && !words.starts.size) return null;
  if (seen.some((text) => isIn(text, words))) return null;
  const line = h("p", { class: "why" });
  const sight = new IntersectionObserver(async ([{ isIntersecting }]) => {
    if (!isIntersecting) return;
    sight.disconnect();
    const found = await placeIn(dataset, words, signal).catch(() => null);
    if (found && !signal.aborted) fill(line, found);
  });
  sight.observe(line);
  signal.addEventListener("abort", () => sight.disconnect());
  return line;
}

async function placeIn({ uri }, words, signal) {
  const { data: readme } = await api.request(api.at("/readmes", uri), { signal });
  if (isIn(readme.readme, words)) return told("README", readme.readme, words);
  const { data } = await api.request(api.at("/annotations", uri), { signal });
  const annotations = Object.entries(data.annotations).map((entry) => entry.map(plain).join(": "));
  const annotation = annotations.find((text) => isIn(text, words));
  if (annotation) return told("Annotations", annotation, words);
  if (isIn(uri, words)) return told("URI", uri, words);
  return "Found by the paths of its items, or by other forms of the words";
}

function plain(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function told(where, text, words) {
  return [h("span", { class: "where" }, where), " ", h("bdi", {}, excerpt(text, words))];
}
