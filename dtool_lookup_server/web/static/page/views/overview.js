/** The overview: what is new, how much there is and whose, how it grows. */

import { go, to } from "../address.js";
import * as api from "../api.js";
import { growth } from "../chart.js";
import { fill, h, newId, own } from "../dom.js";
import * as format from "../format.js";
import { nothing, show as showIn } from "../panels.js";

const NEWEST = 8;
const BARS = 8;
const MOST_BARS = 50;

/** The two ways of counting: what is shown, and the keys of the API. */
const MEASURES = {
  number: { title: "Datasets", per: "datasets_per", key: "number_of_datasets", inWords: format.number },
  bytes: { title: "Bytes", per: "size_in_bytes_per", key: "size_in_bytes", inWords: format.bytes },
};

const SHARES = [
  { word: "base_uri", title: "Per base URI" },
  { word: "creator", title: "Per creator" },
  { word: "tag", title: "Per tag" },
];

export function overview({ signal, setTitle }) {
  const content = h("div", {});
  const element = h("div", { class: "overview" }, h("h1", {}, "Overview"), content);

  async function load() {
    const all = { method: "POST", body: {}, signal };
    const [summary, timeline, newest] = await Promise.all([
      api.request("/uris/summary", all),
      api.request("/uris/timeline", all),
      api.request(`/uris?sort=-frozen_at,uri&page_size=${NEWEST}`, { signal }),
    ]);
    return summary.data.number_of_datasets
      ? page(summary.data, timeline.data, newest.data)
      : nothing("No dataset to see yet", h("p", {}, "Once datasets are registered in the base URIs that you may search, their numbers are here."));
  }

  return {
    element,
    show() {
      setTitle("Overview");
      showIn(content, "Counting", load, signal);
    },
  };
}

function page(summary, timeline, newest) {
  const body = h("div", { class: "measured" });
  const draw = (measure) =>
    fill(body, growthCard(timeline, measure), SHARES.map((share) => shareCard(summary, share, measure)));
  draw(MEASURES.number);
  return [
    h(
      "dl",
      { class: "totals" },
      total("Datasets", format.number(summary.number_of_datasets), {}),
      total("Size", format.bytes(summary.total_size_in_bytes), { sort: "-size_in_bytes" }),
      total("Creators", format.number(summary.creator_usernames.length), { sort: "creator_username" }),
      total("Base URIs", format.number(summary.base_uris.length), { sort: "base_uri" }),
      total("Tags", format.number(summary.tags.length), {}),
    ),
    newestCard(newest),
    measureSwitch(draw),
    body,
  ];
}

function total(name, value, place) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, h("a", { href: to(place), "aria-label": `${name}: ${value}` }, value)));
}

function newestCard(newest) {
  return card(
    "Newest",
    h(
      "ol",
      { class: "newest" },
      newest.map((dataset) =>
        h(
          "li",
          {},
          h("a", { href: to({ dataset: dataset.uri }) }, own(dataset.name)),
          h("span", { class: "quiet" }, own(dataset.creator_username), `, ${format.day(dataset.frozen_at)}, ${format.bytes(dataset.size_in_bytes)}`),
        ),
      ),
    ),
    h("p", {}, h("a", { href: to({}) }, "All datasets, newest first")),
  );
}

function measureSwitch(draw) {
  const buttons = Object.values(MEASURES).map((measure) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(measure === MEASURES.number),
        onClick: (event) => {
          for (const each of buttons) each.setAttribute("aria-pressed", String(each === event.currentTarget));
          draw(measure);
        },
      },
      measure.title,
    ),
  );
  return h("div", { class: "switch", role: "group", "aria-label": "Count" }, buttons);
}

function growthCard(timeline, { title, key, inWords }) {
  const months = timeline.map((each) => ({ month: each.month, value: each[key] }));
  const years = new Map();
  for (const { month, value } of months) years.set(month.slice(0, 4), (years.get(month.slice(0, 4)) ?? 0) + value);
  const name = `Growth of ${title.toLowerCase()} from ${months[0].month} to ${months.at(-1).month}`;
  const chart = h("div", { class: "chart" });
  const chosen = (year) => go(inYear(year));
  // Text keeps its size: the chart is drawn anew for each width.
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width > 0) fill(chart, growth(months, name, inWords, Math.round(contentRect.width), chosen));
  }).observe(chart);
  return card(
    "Growth",
    chart,
    h("h3", { class: "unseen" }, "Per year"),
    h(
      "ol",
      { class: "years" },
      [...years].map(([year, value]) =>
        h("li", {}, h("a", { href: inYear(year) }, year), ` ${inWords(value)}`),
      ),
    ),
  );
}

function inYear(year) {
  return to({ from: `${year}-01-01`, to: `${year}-12-31` });
}

function shareCard(summary, { word, title }, { per, inWords }) {
  const shares = Object.entries(summary[`${per}_${word}`]).sort((a, b) => b[1] - a[1]);
  const most = Math.max(shares[0]?.[1] ?? 0, 1);
  const bar = ([value, amount]) => {
    const length = h("span", { class: "bar", "aria-hidden": "true" });
    length.style.inlineSize = `${Math.max((amount / most) * 100, 0.5)}%`;
    return h("li", {}, h("a", { href: to({ [word]: value }) }, own(value)), h("span", { class: "amount" }, inWords(amount)), length);
  };
  if (!shares.length) return card(title, h("p", { class: "quiet" }, "None"));
  const list = h("ol", { class: "bars" }, shares.slice(0, BARS).map(bar));
  const showMore = () => {
    list.append(...shares.slice(BARS, MOST_BARS).map(bar));
    more.replaceWith(...rest(shares.length - MOST_BARS));
    list.children[BARS].querySelector("a").focus();
  };
  const more = h("button", { type: "button", class: "plain", onClick: showMore }, `Show more (${format.number(shares.length)})`);
  return card(title, list, shares.length > BARS && more);
}

function rest(number) {
  return number > 0 ? [h("p", { class: "quiet" }, `and ${format.number(number)} more, in the `, h("a", { href: to({}) }, "filters of the search"))] : [];
}

function card(title, ...content) {
  const id = newId("card");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), content);
}
