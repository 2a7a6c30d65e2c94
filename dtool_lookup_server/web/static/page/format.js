/** Numbers, sizes and times as people read them. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

const whole = new Intl.NumberFormat("en");
const date = new Intl.DateTimeFormat("en-CA", { dateStyle: "short" });
const moment = new Intl.DateTimeFormat("en-CA", {
  dateStyle: "short",
  timeStyle: "medium",
  hourCycle: "h23",
});

/** Return 12345 as 12,345; "unknown" for what is not a number. */
export function number(value) {
  return Number.isFinite(value) ? whole.format(value) : "unknown";
}

/** Return "1 dataset", "2,000 datasets". */
export function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Return a number of bytes as 1.5 GB, in steps of a thousand. */
export function bytes(value) {
  if (!Number.isFinite(value)) return "unknown";
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || rest >= 99.5 ? 0 : 1;
  return `${rest.toFixed(digits).replace(/\.0$/, "")} ${UNITS[unit]}`;
}

/** Return seconds since the epoch as 2024-03-31, in the reader's time zone. */
export function day(seconds) {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? "unknown" : date.format(time);
}

/** Return seconds since the epoch as 2024-03-31, 13:45:00. */
export function dayAndTime(seconds) {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? "unknown" : moment.format(time);
}

/** Return seconds since the epoch as programs write them; empty where there is none. */
export function iso(seconds) {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString();
}

/** Return text as one word of a shell's command line. */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
