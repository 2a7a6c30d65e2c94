/** The items of a manifest as a tree of folders, and the rows of it that are seen. */

import { folded } from "./words.js";

/** With no more items than this, all folders are open at first. */
const FEW = 60;

/**
 * A folder: { name, path, depth, folders: Map, files: [], size, count, newest }.
 * A file:   { name, path, depth, size, time, hash }.
 */
export class Tree {
  /** @param items entries of a manifest: { relpath, size_in_bytes, utc_timestamp, hash } */
  constructor(items) {
    this.root = folder("", "", 0);
    this.files = [];
    for (const item of items) this.add(item);
    this.files.sort((a, b) => order(a.path, b.path));
    settle(this.root);
    this.open = new Set();
    if (this.files.length <= FEW) this.openBelow(this.root);
    this.wanted = "";
  }

  add(item) {
    const path = String(item?.relpath ?? "");
    const steps = path.split("/");
    const name = steps.pop();
    const size = Number(item.size_in_bytes) || 0;
    const time = Number(item.utc_timestamp);
    let at = this.root;
    count(at, size, time);
    for (const step of steps) {
      if (!at.folders.has(step)) {
        at.folders.set(step, folder(step, at.path ? `${at.path}/${step}` : step, at.depth + 1));
      }
      at = at.folders.get(step);
      count(at, size, time);
    }
    const file = { name, path, depth: at.depth + 1, size, time, hash: item.hash };
    at.files.push(file);
    this.files.push(file);
  }

  openBelow(parent) {
    for (const child of parent.folders.values()) {
      this.open.add(child.path);
      this.openBelow(child);
    }
  }

  /** Open a folder, or close it. */
  toggle(path) {
    if (!this.open.delete(path)) this.open.add(path);
  }

  openAll() {
    this.openBelow(this.root);
  }

  closeAll() {
    this.open.clear();
  }

  /** Show only what has this in its path, and the folders it is in. */
  filter(text) {
    this.wanted = folded(text.trim());
  }

  /** Return the rows that are seen, from top to bottom. */
  rows() {
    return this.wanted ? this.matching() : this.opened();
  }

  opened() {
    const rows = [];
    const walk = (parent) => {
      const children = [...parent.sorted, ...parent.files];
      children.forEach((child, index) => {
        const row = seen(child, index, children.length);
        rows.push(row);
        if (row.folder) {
          row.open = this.open.has(child.path);
          if (row.open) walk(child);
        }
      });
    };
    walk(this.root);
    return rows;
  }

  matching() {
    const rows = [];
    const walk = (parent) => {
      const start = rows.length;
      for (const child of parent.sorted) {
        const at = rows.length;
        rows.push({ ...seen(child, 0, 0), open: true });
        walk(child);
        if (rows.length === at + 1) rows.pop();
      }
      for (const file of parent.files) {
        if (folded(file.path).includes(this.wanted)) rows.push(seen(file, 0, 0));
      }
      place(rows, start, parent.depth + 1);
    };
    walk(this.root);
    return rows;
  }
}

function folder(name, path, depth) {
  return { name, path, depth, folders: new Map(), files: [], size: 0, count: 0, newest: -Infinity };
}

function count(parent, size, time) {
  parent.size += size;
  parent.count += 1;
  if (time > parent.newest) parent.newest = time;
}

function settle(parent) {
  parent.sorted = [...parent.folders.values()].sort((a, b) => order(a.name, b.name));
  parent.files.sort((a, b) => order(a.name, b.name));
  parent.sorted.forEach(settle);
}

// Far faster than a collator, for hundreds of thousands of names.
function order(a, b) {
  return a < b ? -1 : Number(a > b);
}

function seen(node, index, size) {
  const { name, path, depth, hash } = node;
  const common = { name, path, depth, size: node.size, position: index + 1, siblings: size };
  return node.folders
    ? { ...common, folder: true, count: node.count, time: node.newest }
    : { ...common, time: node.time, hash };
}

/** Number the rows of one folder: those of a depth, from a row on. */
function place(rows, start, depth) {
  const here = rows.slice(start).filter((row) => row.depth === depth);
  here.forEach((row, index) => {
    row.position = index + 1;
    row.siblings = here.length;
  });
}
