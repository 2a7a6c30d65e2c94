/** A README: as the structure that its YAML says, or as the text that it is. */

import { fill, h, newId } from "../dom.js";
import { linked } from "../links.js";
import { structure } from "../structure.js";
import { parse } from "../yaml.js";

/** Of a longer text, the rest is shown when one asks for it. */
const LONG = 100_000;

/** Return the elements that show a README. */
export function readme(text) {
  if (!text.trim()) return [h("p", { class: "quiet" }, "This dataset has no README.")];
  const parsed = parse(text);
  if (!parsed?.size) return [plain(text)];
  const id = newId("readme");
  const content = h("div", { id }, structure(parsed));
  const choose = (button, element) => {
    for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
    fill(content, element());
  };
  const button = (name, element, pressed) => {
    const made = h(
      "button",
      { type: "button", "aria-pressed": String(pressed), "aria-controls": id, onClick: () => choose(made, element) },
      name,
    );
    return made;
  };
  const buttons = [button("Structure", () => structure(parsed), true), button("Text", () => plain(text), false)];
  return [h("div", { class: "switch", role: "group", "aria-label": "Show the README as" }, buttons), content];
}

function plain(text) {
  const shown = h("pre", { class: "readme-text", dir: "auto", tabindex: "0", role: "group", "aria-label": "README as text" });
  if (text.length <= LONG) return fill(shown, linked(text));
  fill(shown, linked(text.slice(0, LONG)));
  const more = h(
    "button",
    {
      type: "button",
      class: "plain",
      onClick: () => {
        shown.textContent = text;
        more.remove();
        shown.focus();
      },
    },
    "Show all of it",
  );
  return h("div", {}, shown, more);
}
