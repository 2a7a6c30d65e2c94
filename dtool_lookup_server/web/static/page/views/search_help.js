/** What can be typed into the search box, with examples to try. */

import { h } from "../dom.js";

const LANGUAGE = [
  ["apples pears", "either word, or both; the best matches come first"],
  ['"golden delicious"', "these words one after the other"],
  ["apples -pears", "apples, and no pears"],
  ["micro*", "a word that begins so"],
  ["creator:ann tag:fruit", "of Ann, with this tag; name:, readme:, item: and base_uri: too"],
  ["frozen:2024 size:>1GB", "from a time, of a size; also last:30d and 1MB..1GB"],
  ["annotation.colour:crimson", "with this annotation"],
  ["apple AND (tag:fruit OR size:<1KB)", "all of it, or one of it; NOT leaves out"],
  ["U00096.3.rev.1.bt2", "a file's name or another identifier, or a part of it"],
];

/** Return the explanation, folded; an example that is chosen is handed to a function. */
export function searchHelp(choose) {
  return h(
    "details",
    { class: "search-help" },
    h("summary", {}, "How to search"),
    h(
      "div",
      { class: "card" },
      h(
        "p",
        {},
        "Looks at names, creators, READMEs, tags, annotations, URIs, UUIDs and the paths of items.",
        " Upper and lower case, accents and English word forms do not matter: ",
        h("code", {}, "apple"),
        " finds apples too.",
      ),
      h(
        "dl",
        {},
        LANGUAGE.map(([example, finds]) =>
          h(
            "div",
            {},
            h("dt", {}, h("button", { type: "button", class: "example", "aria-label": `Search for ${example}`, onClick: () => choose(example) }, example)),
            h("dd", {}, finds),
          ),
        ),
      ),
      h(
        "p",
        { class: "quiet" },
        "Keys: ",
        h("kbd", {}, "Ctrl"),
        " ",
        h("kbd", {}, "K"),
        " goes to the search box, ",
        h("kbd", {}, "↓"),
        " and ",
        h("kbd", {}, "↑"),
        " walk through the results, ",
        h("kbd", {}, "←"),
        " and ",
        h("kbd", {}, "→"),
        " turn the page.",
      ),
    ),
  );
}
