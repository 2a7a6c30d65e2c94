/**
 * The items of a dataset: a tree of folders of which only the rows in sight exist.
 */

import { say } from "../announce.js";
import { save } from "../download.js";
import { fill, h, newId } from "../dom.js";
import * as format from "../format.js";
import { Manifest } from "../manifest.js";
import { failure, nothing, waiting } from "../panels.js";

const ROW = 32;
const MARGIN = 12;
const MOST_ROWS_IN_SIGHT = 16;

/** Browsers do not lay out taller elements: beyond it, scrolling is scaled. */
const TALLEST = 8_000_000;

/** Above this many items, they are fetched when one asks for them. */
const MANY = 20_000;

/** Return the section with the items of a dataset. */
export function items(dataset, signal) {
  const body = h("div", { class: "items-body" });
  const title = newId("items");
  const section = h("section", { class: "card items", "aria-labelledby": title }, h("h2", { id: title }, "Items"), body);
  if (dataset.number_of_items > MANY) offer(body, dataset, signal);
  else load(body, dataset, signal);
  return section;
}

function offer(body, dataset, signal) {
  fill(
    body,
    h("p", {}, `This dataset has ${format.count(dataset.number_of_items, "item")}.`),
    h("button", { type: "button", class: "primary", onClick: () => load(body, dataset, signal) }, "Show them"),
  );
}

async function load(body, dataset, signal) {
  const manifest = new Manifest(dataset.uri);
  signal.addEventListener("abort", () => manifest.close());
  fill(body, waiting("Fetching the items"));
  try {
    const found = await manifest.load();
    if (found.count) fill(body, ...browser(manifest, found, dataset));
    else fill(body, nothing("This dataset has no items"));
  } catch (error) {
    manifest.close();
    fill(body, failure(error, () => load(body, dataset, signal)));
  }
}

function browser(manifest, found, dataset) {
  const number = h("p", { class: "quiet number-of-items" }, `${format.count(found.count, "item")}, ${format.bytes(found.size)}`);
  const table = new TreeTable(manifest, found.rows);
  const filter = h("input", {
    type: "search",
    dir: "auto",
    placeholder: "Filter by path",
    "aria-label": "Filter items by path",
    onInput: async () => {
      const { rows, files } = await table.change("filter", { wanted: filter.value });
      number.textContent = filter.value.trim()
        ? `${format.number(files)} of ${format.count(found.count, "item")}`
        : `${format.count(found.count, "item")}, ${format.bytes(found.size)}`;
      say(rows ? number.textContent : "No item has this in its path");
    },
  });
  const button = (text, onClick) => h("button", { type: "button", class: "plain", onClick }, text);
  const download = async (kind) => save(await manifest.ask(kind), `${dataset.name}-items.${kind}`);
  return [
    h(
      "div",
      { class: "items-tools" },
      filter,
      number,
      h(
        "div",
        { class: "buttons" },
        button("Open all", () => table.change("openAll")),
        button("Close all", () => table.change("closeAll")),
        button("Download CSV", () => download("csv")),
        button("Download JSON", () => download("json")),
      ),
    ),
    table.element,
  ];
}

/** Return a time of which the day is shown where there is no room for all of it. */
function moment(seconds) {
  const [day, clock] = format.dayAndTime(seconds).split(", ");
  return [day, h("span", { class: "clock" }, `, ${clock}`)];
}

/** A treegrid (WAI-ARIA) that draws the rows in sight, as the worker hands them over. */
class TreeTable {
  constructor(manifest, length) {
    this.manifest = manifest;
    this.id = newId("tree");
    this.active = 0;
    this.spacer = h("div", { class: "spacer", role: "presentation" });
    this.window = h("div", { class: "window", role: "rowgroup" });
    this.element = h(
      "div",
      {
        class: "tree",
        role: "treegrid",
        tabindex: "0",
        "aria-label": "Items",
        "aria-readonly": "true",
        onScroll: () => this.draw(),
        onKeydown: (event) => this.onKey(event),
        onClick: (event) => this.onClick(event),
      },
      this.spacer,
      this.window,
    );
    this.resize(length);
  }

  /** Have the worker change what is seen, and draw it. */
  async change(call, parameters) {
    const answer = await this.manifest.ask(call, parameters);
    this.resize(answer.rows);
    return answer;
  }

  resize(length) {
    this.length = length;
    this.active = Math.min(this.active, Math.max(length - 1, 0));
    const full = Math.max(length, 1) * ROW;
    this.scale = Math.min(1, TALLEST / full);
    this.spacer.style.height = `${full * this.scale}px`;
    this.element.style.height = `${Math.min(Math.max(length, 2), MOST_ROWS_IN_SIGHT) * ROW + 2}px`;
    this.element.setAttribute("aria-rowcount", String(length));
    this.draw();
  }

  async draw() {
    const top = this.element.scrollTop / this.scale;
    const from = Math.max(0, Math.floor(top / ROW) - MARGIN);
    const to = from + MOST_ROWS_IN_SIGHT + 2 * MARGIN;
    this.drawing = `${from}-${to}-${this.length}`;
    const { drawing } = this;
    const rows = await this.manifest.ask("slice", { from, to });
    // By now another part may be in sight.
    if (drawing !== this.drawing) return;
    this.rows = rows;
    this.from = from;
    this.window.style.transform = `translateY(${from * ROW - top + this.element.scrollTop}px)`;
    fill(this.window, rows.length ? rows.map((row, index) => this.row(row, from + index)) : this.none());
    this.mark();
  }

  none() {
    return h("div", { role: "row", class: "row" }, h("span", { role: "gridcell", class: "quiet" }, "No item has this in its path"));
  }

  row(row, index) {
    const element = h(
      "div",
      {
        role: "row",
        id: `${this.id}-${index}`,
        class: row.folder ? "row folder" : "row",
        "data-index": index,
        "aria-rowindex": index + 1,
        "aria-level": row.depth,
        "aria-posinset": row.position,
        "aria-setsize": row.siblings,
        "aria-expanded": row.folder ? String(row.open) : undefined,
      },
      h(
        "span",
        { role: "gridcell", class: "path", title: row.path },
        h("span", { class: "twist", "aria-hidden": "true" }, row.folder ? (row.open ? "▾" : "▸") : ""),
        h("bdi", {}, row.name || "(no name)"),
        row.folder && h("span", { class: "quiet" }, ` ${format.count(row.count, "item")}`),
      ),
      h("span", { role: "gridcell", class: "size" }, format.bytes(row.size)),
      h("span", { role: "gridcell", class: "time" }, Number.isFinite(row.time) ? moment(row.time) : ""),
    );
    element.style.setProperty("--depth", row.depth - 1);
    return element;
  }

  mark() {
    this.window.querySelector(".active")?.classList.remove("active");
    const row = document.getElementById(`${this.id}-${this.active}`);
    row?.classList.add("active");
    if (row) this.element.setAttribute("aria-activedescendant", row.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  onClick(event) {
    const row = event.target.closest("[data-index]");
    if (!row) return;
    this.active = Number(row.dataset.index);
    this.mark();
    this.toggle();
  }

  toggle() {
    const row = this.rows[this.active - this.from];
    if (row?.folder) this.change("toggle", { path: row.path });
  }

  onKey(event) {
    const row = this.rows?.[this.active - this.from];
    const page = MOST_ROWS_IN_SIGHT - 1;
    const moves = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: this.length - 1,
    };
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in moves) this.moveTo(moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.toggle();
    else if (event.key === "ArrowRight" && row?.folder) row.open ? this.moveTo(this.active + 1) : this.toggle();
    else if (event.key === "ArrowLeft" && row) row.folder && row.open ? this.toggle() : this.moveToParent(row);
    else return;
    event.preventDefault();
  }

  async moveToParent(row) {
    const above = await this.manifest.ask("slice", { from: 0, to: this.active });
    const parent = above.findLastIndex((each) => each.folder && each.depth < row.depth);
    if (parent >= 0) this.moveTo(parent);
  }

  async moveTo(index) {
    this.active = Math.min(Math.max(index, 0), this.length - 1);
    const top = this.active * ROW * this.scale;
    const height = this.element.clientHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    if (top + ROW > this.element.scrollTop + height) this.element.scrollTop = top + ROW - height;
    await this.draw();
  }
}
