/** How something grows over time, as an SVG drawn by script. */

import { svg } from "./dom.js";

const HEIGHT = 240;
const LEFT = 64;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;
const LINES = 4;
const YEAR_WIDTH = 56;

/**
 * Return a chart of a sum that grows month by month.
 *
 * @param months [{ month: "2024-03", value }], the earliest first; one at least
 * @param name what it shows, for those who do not see it
 * @param inWords writes a value at the axis
 * @param width in CSS pixels
 * @param choose called with the year that somebody points at: "2024"
 */
export function growth(months, name, inWords, width, choose) {
  const first = monthNumber(months[0].month);
  const last = Math.max(monthNumber(months.at(-1).month) + 1, first + 1);
  const total = months.reduce((sum, { value }) => sum + value, 0);
  const top = roundedUp(total);
  const x = (number) => LEFT + ((number - first) / (last - first)) * (width - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);

  let sum = 0;
  let line = `M${x(first)},${y(0)}`;
  for (const { month, value } of months) {
    // A month's datasets were there at its end.
    line += `H${round(x(monthNumber(month)))}`;
    sum += value;
    line += `L${round(x(monthNumber(month) + 1))},${round(y(sum))}`;
  }
  const area = `${line}V${y(0)}Z`;

  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, class: "growth", role: "img", "aria-label": name },
    horizontals(top, y, inWords, width),
    years(first, last, x, width),
    svg("path", { d: area, class: "area" }),
    svg("path", { d: line, class: "line" }),
    columns(months, first, last, x, inWords, choose),
  );
}

/** Return what is pointed at: a column for each year, which says how much it has. */
function columns(months, first, last, x, inWords, choose) {
  const sums = new Map();
  for (const { month, value } of months) {
    const year = month.slice(0, 4);
    sums.set(year, (sums.get(year) ?? 0) + value);
  }
  let all = 0;
  return [...sums].map(([year, sum]) => {
    all += sum;
    const from = x(Math.max(monthNumber(`${year}-01`), first));
    const to = x(Math.min(monthNumber(`${year}-12`) + 1, last));
    return svg(
      "rect",
      { class: "column", x: from, y: TOP, width: to - from, height: HEIGHT - TOP - BOTTOM, onClick: () => choose(year) },
      svg("title", {}, `${year}: ${inWords(sum)}, ${inWords(all)} in all by its end`),
    );
  });
}

function horizontals(top, y, inWords, width) {
  return Array.from({ length: LINES + 1 }, (_, index) => {
    const value = (top / LINES) * index;
    return svg(
      "g",
      {},
      svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "rule" }),
      svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, inWords(value)),
    );
  });
}

function years(first, last, x, width) {
  const from = Math.ceil(first / 12);
  const to = Math.floor(last / 12);
  const step = Math.max(1, Math.ceil(((to - from + 1) * YEAR_WIDTH) / (width - LEFT - RIGHT)));
  const marks = [];
  for (let year = from; year <= to; year += step) {
    const at = x(year * 12);
    marks.push(
      svg("line", { x1: at, x2: at, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5, class: "rule" }),
      at < width - 24 && svg("text", { x: at, y: HEIGHT - 6, "text-anchor": "middle" }, String(year)),
    );
  }
  return marks;
}

function monthNumber(month) {
  const [year, number] = month.split("-").map(Number);
  return year * 12 + number - 1;
}

/** Return the next value that a quarter of reads well: 4, 8, 12, 16, 20, 24, 32, ... */
function roundedUp(value) {
  const least = Math.max(value, 4);
  const power = 10 ** Math.floor(Math.log10(least));
  return [1.2, 1.6, 2, 2.4, 3.2, 4, 8, 12].map((factor) => factor * power).find((each) => each >= least);
}

function round(value) {
  return Math.round(value * 10) / 10;
}
