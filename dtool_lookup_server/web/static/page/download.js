/** Files that the page makes. */

import { h } from "./dom.js";

/** Have the browser save a Blob under a name. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: safe(name) });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function safe(name) {
  return name.replace(/[/\\:*?"<>|\p{Cc}]+/gu, "_");
}
