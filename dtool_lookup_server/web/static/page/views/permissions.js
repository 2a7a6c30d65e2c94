/** Who may search and register: of one user, in every base URI, or the other way round. */

import { to } from "../address.js";
import { notify } from "../announce.js";
import * as api from "../api.js";
import { fill, h, own } from "../dom.js";
import * as format from "../format.js";
import { nothing } from "../panels.js";
import { folded } from "../words.js";
import { framed } from "./table.js";

/** A request gives this many; and this many rows are drawn at once. */
const BATCH = 100;
const ROWS = 100;

/** Return the elements with the permissions of one user, or in one base URI. */
export async function permissions({ username, baseUri, signal }) {
  const [held, others] = await (username ? ofUser(username, signal) : inBaseUri(baseUri, signal));
  const what = username ? "base URI" : "user";
  if (!others.length) return nothing(`There is no ${what} yet`);
  const body = h("tbody", {});
  const note = h("p", { class: "quiet", role: "status" });
  const filter = h("input", { type: "search", dir: "auto", "aria-label": `Filter ${what}s`, placeholder: `Filter ${what}s`, onInput: () => draw() });

  function draw() {
    const wanted = folded(filter.value.trim());
    const hits = others.filter((name) => folded(name).includes(wanted));
    fill(body, hits.slice(0, ROWS).map(row));
    note.textContent = hits.length > ROWS
      ? `${format.number(ROWS)} of ${format.number(hits.length)} shown: filter to find the others`
      : format.count(hits.length, what);
  }

  function row(name) {
    const place = username ? { view: "base-uris", base_uri: name } : { view: "users", user: name };
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("a", { href: to(place) }, own(name))),
      ["search", "register"].map((kind) => h("td", {}, box(kind, name))),
    );
  }

  function box(kind, name) {
    const [who, where] = username ? [username, name] : [name, baseUri];
    const input = h("input", {
      type: "checkbox",
      checked: held[kind].has(name),
      "aria-label": `${who} may ${kind} in ${where}`,
      onChange: () => change(input, kind, name, who, where),
    });
    return input;
  }

  async function change(input, kind, name, who, where) {
    const granted = input.checked;
    input.disabled = true;
    try {
      await api.request(api.at("/users", who, kind, where), { method: granted ? "POST" : "DELETE" });
      held[kind][granted ? "add" : "delete"](name);
      notify(`${who} may ${granted ? "now" : "no longer"} ${kind} in ${where}`);
    } catch (error) {
      input.checked = !granted;
      notify(error.message);
    } finally {
      input.disabled = false;
      input.focus();
    }
  }

  draw();
  return [
    username
      ? h("p", {}, "Where this user may search and register. A change counts at once.")
      : h("p", {}, "Who may search and register here. A change counts at once. ", h("a", { href: to({ base_uri: baseUri }) }, "Its datasets")),
    others.length > 7 && filter,
    framed(
      h(
        "table",
        { class: "matrix" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, username ? "Base URI" : "User"), h("th", { scope: "col" }, "Search"), h("th", { scope: "col" }, "Register"))),
        body,
      ),
      "Permissions",
    ),
    note,
  ];
}

async function ofUser(username, signal) {
  const { data } = await api.request(api.at("/users", username), { signal });
  const held = { search: new Set(data.search_permissions_on_base_uris), register: new Set(data.register_permissions_on_base_uris) };
  return [held, await everything("/base-uris", "base_uri", signal)];
}

async function inBaseUri(baseUri, signal) {
  const { data } = await api.request(api.at("/base-uris", baseUri), { signal });
  const held = { search: new Set(data.users_with_search_permissions), register: new Set(data.users_with_register_permissions) };
  return [held, await everything("/users", "username", signal)];
}

/** Return the names in all pages of a list. */
async function everything(path, key, signal) {
  const names = [];
  for (let page = 1; ; page += 1) {
    const { data, total } = await api.request(`${path}?sort=${key}&page=${page}&page_size=${BATCH}`, { signal });
    names.push(...data.map((each) => each[key]));
    if (!data.length || names.length >= total) return names;
  }
}
