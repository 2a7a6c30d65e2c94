/** The page of one dataset: what it is, where it is, what is in it. */

import { cameFromInside, to } from "../address.js";
import * as api from "../api.js";
import { copyable } from "../copy.js";
import { save } from "../download.js";
import { fill, h, newId, own } from "../dom.js";
import * as format from "../format.js";
import { show as showIn } from "../panels.js";
import { annotations } from "./annotations.js";
import { items } from "./items.js";
import { readme } from "./readme.js";
import { editableReadme } from "./readme_editor.js";
import { tags } from "./tags.js";

/** Whether the server takes edits at all. */
const takesEdits = "takesEdits" in document.documentElement.dataset;

export function dataset({ user, signal, setTitle }) {
  const element = h("div", { class: "dataset" });
  let leaving = new AbortController();
  signal.addEventListener("abort", () => leaving.abort());

  async function load(uri, current) {
    const { data } = await api.request(api.at("/uris", uri), { signal: current }).catch(explained);
    setTitle(data.name);
    return page(data, user, current);
  }

  return {
    element,
    show(place) {
      leaving.abort();
      leaving = new AbortController();
      const { signal: current } = leaving;
      const uri = place.get("dataset");
      const content = h("div", {});
      fill(element, back(), content);
      setTitle("Dataset");
      showIn(content, "Fetching the dataset", () => load(uri, current), current, "h1");
    },
  };
}

/** What is not here may have been once: addresses are sent to colleagues, and kept. */
function explained(error) {
  if (error.status !== 404) throw error;
  throw new api.ApiError(404, `${error.message}. It may have been deleted or moved since: look for its name or UUID.`);
}

function back() {
  const goBack = (event) => {
    event.preventDefault();
    history.back();
  };
  return cameFromInside()
    ? h("a", { class: "back", href: to({}), onClick: goBack }, h("span", { "aria-hidden": "true" }, "← "), "Back")
    : h("a", { class: "back", href: to({}) }, h("span", { "aria-hidden": "true" }, "← "), "All datasets");
}

function page(found, user, signal) {
  const mayEdit = takesEdits && user.register_permissions_on_base_uris.includes(found.base_uri);
  const held = { ...found };
  return [
    h("h1", { dir: "auto" }, found.name),
    h(
      "p",
      { class: "lead" },
      "By ",
      h("a", { href: to({ creator: found.creator_username }) }, own(found.creator_username)),
      [`, frozen on ${format.day(found.frozen_at)}`, ...amounts(found)].join(", "),
    ),
    h(
      "div",
      { class: "columns" },
      h("div", { class: "content" }, readmeCard(held, mayEdit, signal), annotationsCard(held, mayEdit, signal), items(found, signal)),
      h(
        "aside",
        { "aria-label": "About this dataset" },
        card("Tags", tags(found, mayEdit)),
        card("Where it is", facts(found)),
        placesCard(found, signal),
        card("With dtool", commands(found)),
        card(
          "Download",
          h("button", { type: "button", onClick: () => save(asJson(held), `${found.name}.json`) }, "All of this as JSON"),
        ),
      ),
    ),
  ];
}

function amounts({ number_of_items, size_in_bytes }) {
  return [
    number_of_items !== null && format.count(number_of_items, "item"),
    size_in_bytes !== null && format.bytes(size_in_bytes),
  ].filter(Boolean);
}

function card(title, ...content) {
  const id = newId("card");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), content);
}

function readmeCard(held, mayEdit, signal) {
  const body = h("div", {});
  showIn(
    body,
    "Fetching the README",
    async () => {
      const { data, headers } = await api.request(api.at("/readmes", held.uri), { signal });
      held.readme = data.readme;
      return mayEdit ? editableReadme(held, headers.get("ETag")) : readme(data.readme);
    },
    signal,
  );
  return card("README", body);
}

function annotationsCard(held, mayEdit, signal) {
  const body = h("div", {});
  showIn(
    body,
    "Fetching the annotations",
    async () => {
      const { data } = await api.request(api.at("/annotations", held.uri), { signal });
      held.annotations = data.annotations;
      return annotations(held, mayEdit);
    },
    signal,
  );
  return card("Annotations", body);
}

function placesCard(found, signal) {
  const section = card("Also stored at");
  section.hidden = true;
  api
    .request(`${api.at("/uuids", found.uuid)}?page_size=100&sort=uri`, { signal })
    .then(({ data }) => {
      const others = data.filter(({ uri }) => uri !== found.uri);
      section.hidden = !others.length;
      section.append(
        h(
          "ul",
          { class: "places" },
          others.map(({ uri, base_uri }) => h("li", {}, h("a", { href: to({ dataset: uri }), title: uri }, own(base_uri)))),
        ),
      );
    })
    .catch((error) => {
      if (error.name === "AbortError") return;
      section.hidden = false;
      section.append(h("p", { class: "fault" }, error.message));
    });
  return section;
}

function facts(found) {
  const row = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h(
    "dl",
    { class: "facts" },
    row("Base URI", h("a", { href: to({ base_uri: found.base_uri }) }, own(found.base_uri))),
    row("URI", copyable(found.uri, "the URI")),
    row("UUID", copyable(found.uuid, "the UUID")),
    row("Created", format.dayAndTime(found.created_at)),
    row("Frozen", format.dayAndTime(found.frozen_at)),
    found.uploaded_by && row("Registered", own(found.uploaded_by), found.uploaded_at ? `, ${format.dayAndTime(found.uploaded_at)}` : ""),
    found.dtoolcore_version && row("Made by", `dtoolcore ${found.dtoolcore_version}`),
  );
}

function commands({ uri }) {
  const word = format.shellWord(uri);
  return h(
    "dl",
    { class: "commands" },
    [
      ["Copy it to this folder", `dtool cp ${word} .`],
      ["List its items", `dtool ls ${word}`],
      ["Show its README", `dtool readme show ${word}`],
      ["Check that it is whole", `dtool verify ${word}`],
    ].map(([what, command]) => h("div", {}, h("dt", {}, what), h("dd", {}, copyable(command, `the command: ${what}`)))),
  );
}

function asJson(held) {
  return new Blob([JSON.stringify(held, null, 2), "\n"], { type: "application/json" });
}
