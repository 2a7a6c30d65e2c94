/** Tables as CSV (RFC 4180) that spreadsheets read as data and never as formulas. */

const FORMULA = /^[=+\-@\t\r]/;

/** Return rows of values as CSV, with the names of the columns first. */
export function csv(names, rows) {
  return [names, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const safe = FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
