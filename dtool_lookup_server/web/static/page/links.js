/** Text in which addresses of web pages are live links, and nothing else is. */

import { h } from "./dom.js";

const ADDRESS = /https?:\/\/[^\s<>"'`]+/gi;
const TRAILING = /[.,;:!?)\]}]+$/;

/** Return text as an array of strings and links. */
export function linked(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, "");
    if (!isWebAddress(address)) continue;
    parts.push(text.slice(end, match.index), link(address));
    end = match.index + address.length;
  }
  parts.push(text.slice(end));
  return parts.filter(Boolean);
}

function isWebAddress(text) {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

function link(address) {
  return h("a", { href: address, rel: "noopener noreferrer nofollow", target: "_blank" }, address);
}
