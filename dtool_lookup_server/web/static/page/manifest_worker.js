/**
 * Keeps a manifest, of hundreds of thousands of items perhaps, off the page's thread.
 *
 * The page sends { id, call, ... } and gets { id, answer } or { id, error, status }.
 */

import { csv } from "./csv.js";
import { iso } from "./format.js";
import { Tree } from "./tree.js";

let text = "";
let tree = null;
let rows = [];

const calls = {
  /** Fetch the manifest; answers with the number of items, bytes and rows. */
  async load({ url, headers }) {
    const response = await fetch(url, { headers }).catch(() => null);
    if (!response?.ok) throw Object.assign(new Error(), { status: response?.status ?? 0 });
    text = await response.text();
    const manifest = JSON.parse(text);
    tree = new Tree(Object.values(manifest.items ?? {}));
    return { count: tree.files.length, size: tree.root.size, ...look() };
  },

  slice({ from, to }) {
    return rows.slice(from, to);
  },

  filter({ wanted }) {
    tree.filter(wanted);
    return look();
  },

  toggle({ path }) {
    tree.toggle(path);
    return look();
  },

  openAll() {
    tree.openAll();
    return look();
  },

  closeAll() {
    tree.closeAll();
    return look();
  },

  json() {
    return new Blob([text], { type: "application/json" });
  },

  csv() {
    const names = ["path", "size_in_bytes", "modified", "hash"];
    const table = tree.files.map((file) => [file.path, file.size, iso(file.time), file.hash]);
    return new Blob([csv(names, table)], { type: "text/csv" });
  },
};

function look() {
  rows = tree.rows();
  const files = tree.wanted ? rows.reduce((sum, row) => sum + (row.folder ? 0 : 1), 0) : tree.files.length;
  return { rows: rows.length, files };
}

addEventListener("message", async ({ data: { id, call, ...parameters } }) => {
  try {
    postMessage({ id, answer: await calls[call](parameters) });
  } catch (error) {
    postMessage({ id, error: error.message, status: error.status });
  }
});
