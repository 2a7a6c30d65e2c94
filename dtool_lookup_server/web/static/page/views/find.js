/** Finding datasets: a search box, filters, and a page of results. */

import { go, to } from "../address.js";
import { say } from "../announce.js";
import * as api from "../api.js";
import * as counts from "../counts.js";
import { fill, focusOn, h, newId, own } from "../dom.js";
import * as format from "../format.js";
import { failure, nothing, waiting } from "../panels.js";
import * as searching from "../query.js";
import { facet } from "./facet.js";
import { limitsInWords, rangeFilters } from "./ranges.js";
import { marked, reasons } from "./reasons.js";
import { searchHelp } from "./search_help.js";
import { suggestions } from "./suggestions.js";

/** How long typing pauses before a search begins. */
const PAUSE_MS = 180;

export function find({ user, signal, setTitle }) {
  let search = null;
  let asked = null; // aborts what is on its way when the search changes
  let typing = false;
  let timer;

  const box = h("input", {
    id: "query",
    type: "search",
    name: "q",
    dir: "auto",
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    placeholder: "Words, names, identifiers …",
    onInput: () => later(),
    onKeydown: (event) => {
      if (event.key === "ArrowDown") moveTo(event, results.querySelector("h2 a"));
    },
  });
  const form = h(
    "form",
    { role: "search", class: "search", onSubmit: (event) => now(event) },
    h("label", { for: "query", class: "unseen" }, "Search datasets"),
    box,
    h("button", { class: "primary" }, "Search"),
  );
  const help = searchHelp((example) => {
    box.value = example;
    box.focus();
    now();
  });

  const suggested = suggestions();
  const sort = h("select", { id: "sort", onChange: () => go(searching.addressOf({ ...search, sort: sort.value, page: 1 })) });
  const unread = h("p", { class: "quiet unread", role: "status", hidden: true });
  const heading = h("h1", { class: "count" }, "Datasets");
  const chips = h("ul", { class: "chips", "aria-label": "Filters in use" });
  const results = h("div", { class: "results", onKeydown: (event) => onResultKey(event) });
  const pager = h("nav", { class: "pager", "aria-label": "Pages of results", hidden: true });

  const facets = searching.FILTERS.map((filter) => ({
    ...filter,
    ...facet(filter.title, (value) => go(searching.addressOf(searching.toggled(search, filter.name, value)))),
  }));
  const limits = rangeFilters((changes) => go(searching.addressOf({ ...search, ...changes, page: 1 })));
  const filters = h(
    "details",
    { class: "filters" },
    h("summary", {}, "Filters"),
    h("div", { role: "group", "aria-label": "Filters" }, facets.map(({ element }) => element), limits.element),
  );
  const uncounted = h("p", { class: "fault uncounted", role: "status" });
  filters.children[1].prepend(uncounted);
  const wide = matchMedia("(min-width: 56rem)");
  const openWhereWide = () => (filters.open = wide.matches);
  wide.addEventListener("change", openWhereWide, { signal });
  openWhereWide();

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        box.focus();
        box.select();
      }
    },
    { signal },
  );
  signal.addEventListener("abort", () => {
    asked?.abort();
    clearTimeout(timer);
  });

  const element = h(
    "div",
    { class: "find" },
    h("div", { class: "ask" }, form, unread, suggested.element, help),
    h(
      "div",
      { class: "columns" },
      filters,
      h(
        "section",
        { class: "found", "aria-labelledby": "count" },
        h("div", { class: "above" }, heading, h("div", { class: "sort" }, h("label", { for: "sort" }, "Sort by"), sort)),
        chips,
        results,
        pager,
      ),
    ),
  );
  heading.id = "count";

  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => now(), PAUSE_MS);
  }

  /** Search for what is in the box. While one types, Back leads to before the typing. */
  function now(event) {
    event?.preventDefault();
    clearTimeout(timer);
    if (box.value === search.q) return;
    const wasTyping = typing;
    const from = searching.read(new URLSearchParams({ q: box.value }));
    typing = true;
    go(searching.addressOf({ ...search, q: box.value, page: 1, sort: keptSort(from) }), { replace: wasTyping });
    typing = !event;
  }

  // An order that was the standard one follows the query.
  function keptSort(from) {
    const standard = searching.read(new URLSearchParams({ q: search.q })).sort;
    return search.sort === standard ? from.sort : search.sort;
  }

  function show(place) {
    search = searching.read(place);
    typing = typing && document.activeElement === box;
    if (!typing) box.value = search.q;
    setTitle(search.q.trim());
    drawSorts();
    drawChips();
    limits.show(search);
    ask();
  }

  function ask() {
    asked?.abort();
    asked = new AbortController();
    const { signal: current } = asked;
    askResults(search, current);
    askCounts(search, current);
    suggested.ask(search, current);
  }

  async function askResults(wanted, current) {
    results.setAttribute("aria-busy", "true");
    if (!results.children.length) fill(results, waiting("Searching"));
    try {
      const { data, total, headers } = await api.request(searching.path(wanted), {
        method: "POST",
        body: searching.body(wanted),
        signal: current,
      });
      tellUnderstood(headers.get("X-Query-Understood"));
      const hits = drawResults(wanted, data, total);
      if (wanted.q.trim()) explain(wanted, hits, current);
    } catch (error) {
      if (error.name === "AbortError") return;
      heading.textContent = "Datasets";
      pager.hidden = true;
      fill(results, failure(error, ask));
    } finally {
      if (!current.aborted) results.removeAttribute("aria-busy");
    }
  }

  /** Ask for the numbers beside the filters. */
  async function askCounts(wanted, current) {
    filters.setAttribute("aria-busy", "true");
    fill(uncounted);
    const whole = counts.summary(wanted, current);
    const none = (error) => {
      if (!current.aborted) tellUncounted(wanted, current, error);
      return null;
    };
    const drawn = (numbers, draw) => numbers.catch(none).then((found) => current.aborted || draw(found));
    const ranges = ["years", "sizes"].map((name) =>
      drawn(whole.then((summary) => counts.ofFacet(summary, name)), (found) => limits.showNumbers(name, found ?? new Map())),
    );
    const values = facets.map((each) =>
      drawn(counts.ofValues(wanted, each, current, whole), (found) => each.show(found, wanted[each.name])),
    );
    await Promise.all([...ranges, ...values]);
    if (!current.aborted) filters.removeAttribute("aria-busy");
  }

  /** A query that did not parse is told to be searched as words; what it may be misspelled for is offered. */
  function tellUnderstood(header) {
    const { parsed = true, did_you_mean: [meant] = [] } = JSON.parse(header ?? "{}");
    unread.hidden = parsed && !meant;
    fill(unread, [
      parsed ? "" : "This does not read as a query, and is searched as words. ",
      ...(meant ? ["Did you mean ", h("a", { href: searching.addressOf({ ...search, q: meant, page: 1 }) }, meant), "?"] : []),
    ]);
  }

  function drawSorts() {
    const offered = searching.SORTS.filter(([key]) => key !== "relevance" || search.q.trim());
    fill(sort, offered.map(([value, text]) => h("option", { value, selected: value === search.sort }, text)));
  }

  function drawChips() {
    const set = [
      ...searching.FILTERS.flatMap(({ name, title }) =>
        search[name].map((value) => [`${title}: ${value}`, value, searching.toggled(search, name, value)]),
      ),
      ...limitsInWords(search).map(([text, without]) => [text, text, { ...search, ...without, page: 1 }]),
    ];
    chips.hidden = !set.length;
    fill(
      chips,
      set.map(([name, text, without]) =>
        h(
          "li",
          {},
          h(
            "a",
            { class: "chip removable", href: searching.addressOf(without), "aria-label": `Remove filter ${name}` },
            own(text),
            h("span", { "aria-hidden": "true", class: "cross" }, "×"),
          ),
        ),
      ),
      set.length > 1 && h("li", {}, h("a", { class: "quiet-link", href: searching.addressOf({ q: search.q, sort: search.sort }) }, "Clear filters")),
    );
    filters.querySelector("summary").textContent = set.length ? `Filters (${set.length})` : "Filters";
  }

  /** Say why each was found: looking for that may take longer than finding them. */
  async function explain(wanted, hits, current) {
    try {
      const { data } = await api.request(searching.path(wanted, true), {
        method: "POST",
        body: searching.body(wanted),
        signal: current,
      });
      for (const { uri, matches } of data) hits.get(uri)?.explain(matches);
    } catch (error) {
      // The results are there without it.
      if (!("status" in error) && error.name !== "AbortError") throw error;
    }
  }

  /** Draw a page of results; returns them by URI. */
  function drawResults(wanted, datasets, total) {
    const from = (wanted.page - 1) * searching.PAGE_SIZE;
    heading.textContent = format.count(total, "dataset");
    const range = datasets.length ? `, ${from + 1} to ${from + datasets.length} shown` : "";
    say(`${format.count(total, "dataset")}${range}`);
    const focused = results.contains(document.activeElement);
    const hits = new Map(datasets.map((dataset) => [dataset.uri, hit(dataset)]));
    if (datasets.length) {
      fill(results, h("ol", { start: from + 1 }, [...hits.values()].map(({ element }) => element)));
    } else {
      fill(results, empty(wanted, total));
    }
    // Who was walking through the results before goes on from the first of these.
    if (focused) focusOn(results.querySelector("h2 a") ?? heading);
    drawPager(wanted, total);
    return hits;
  }

  function empty(wanted, total) {
    if (total) {
      const first = h("a", { href: searching.addressOf({ ...wanted, page: 1 }) }, "Go to the first page");
      return nothing("There is nothing on this page", h("p", {}, first));
    }
    const filtered = searching.isFiltered(wanted);
    if (!wanted.q.trim() && !filtered) return emptyIndex(user);
    return nothing(
      "No dataset found",
      h(
        "ul",
        {},
        wanted.q.trim() && h("li", {}, "Use fewer or other words, or the beginning of one: ", h("code", {}, "micro*")),
        filtered && h("li", {}, h("a", { href: searching.addressOf({ q: wanted.q }) }, "Search without the filters")),
        h("li", {}, "You see only what lies in base URIs that you may search."),
      ),
    );
  }

  /** Without numbers there is nothing to choose from: not as if there were no values. */
  function tellUncounted(wanted, current, error) {
    if (!("status" in error)) throw error;
    const again = h("button", { type: "button", class: "plain", onClick: () => askCounts(wanted, current) }, "Try again");
    fill(uncounted, "The filters could not be counted. ", again);
  }

  function drawPager(wanted, total) {
    const last = Math.ceil(total / searching.PAGE_SIZE);
    pager.hidden = last <= 1;
    const page = (text, number, rel) =>
      number >= 1 && number <= last && number !== wanted.page
        ? h("a", { href: searching.addressOf({ ...wanted, page: number }), rel, onClick: toTop }, text)
        : h("span", { "aria-disabled": "true" }, text);
    fill(
      pager,
      page("First", 1),
      page("Previous", wanted.page - 1, "prev"),
      h("span", { class: "current", "aria-current": "page" }, `Page ${format.number(wanted.page)} of ${format.number(last)}`),
      page("Next", wanted.page + 1, "next"),
      page("Last", last),
    );
  }

  function toTop() {
    scrollTo(0, 0);
  }

  /** In the results: up and down go from one to the next, left and right turn the page. */
  function onResultKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const titles = [...results.querySelectorAll("h2 a")];
    const at = titles.indexOf(document.activeElement);
    if (at < 0) return;
    if (event.key === "ArrowDown") moveTo(event, titles[at + 1]);
    if (event.key === "ArrowUp") moveTo(event, at ? titles[at - 1] : box);
    if (event.key === "Home") moveTo(event, titles[0]);
    if (event.key === "End") moveTo(event, titles.at(-1));
    if (event.key === "ArrowRight") turn(event, "next");
    if (event.key === "ArrowLeft") turn(event, "prev");
  }

  function turn(event, rel) {
    const link = pager.querySelector(`a[rel=${rel}]`);
    if (!link) return;
    event.preventDefault();
    link.click();
  }

  return { element, show };
}

function moveTo(event, element) {
  if (!element) return;
  event.preventDefault();
  element.focus();
}

/** Return { element, explain(matches) } of a dataset that was found. */
function hit(dataset) {
  const id = newId("hit");
  const name = h("a", { href: to({ dataset: dataset.uri }), dir: "auto" }, dataset.name);
  const creator = own(dataset.creator_username, { class: "creator" });
  const tags = new Map((dataset.tags ?? []).map((tag) => [tag, own(tag)]));
  const why = h("div", { class: "why" });
  const element = h(
    "li",
    { class: "hit" },
    h(
      "article",
      { "aria-labelledby": id },
      h("h2", { id }, name),
      h("p", { class: "origin" }, creator, " in ", own(dataset.base_uri, { class: "base-uri" })),
      tags.size > 0 &&
        h(
          "ul",
          { class: "tags", "aria-label": "Tags" },
          [...tags].map(([tag, text]) => h("li", {}, h("a", { class: "tag", href: to({ tag }) }, text))),
        ),
      why,
      h(
        "dl",
        { class: "facts" },
        h("div", {}, h("dt", {}, "Frozen"), h("dd", {}, format.day(dataset.frozen_at))),
        h("div", {}, h("dt", {}, "Items"), h("dd", {}, format.number(dataset.number_of_items))),
        h("div", {}, h("dt", {}, "Size"), h("dd", {}, format.bytes(dataset.size_in_bytes))),
      ),
    ),
  );

  function seen({ field, text }) {
    return { name, creator, tag: tags.get(text) }[field];
  }

  function explain(matches) {
    for (const match of matches) {
      const place = seen(match);
      if (place) fill(place, marked(match.text, match.marks));
    }
    fill(why, reasons(matches.filter((match) => !seen(match))));
  }

  return { element, explain };
}

function emptyIndex(user) {
  const may = user.search_permissions_on_base_uris.length;
  return nothing(
    "No dataset to see yet",
    h(
      "p",
      {},
      may
        ? "Nothing is registered in the base URIs that you may search."
        : "You may not search any base URI so far. Ask the people who run the server for the ones that you need, by their names.",
    ),
  );
}
