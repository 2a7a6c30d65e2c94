/** Words as they are compared. */

/** Return text in lower case and without accents. */
export function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
