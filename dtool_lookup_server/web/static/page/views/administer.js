/**
 * Administering: users, base URIs, and who may search and register in which.
 *
 * ?view=users lists users, ?view=users&user=NAME one user's permissions;
 * ?view=base-uris lists base URIs, ?view=base-uris&base_uri=URI those of one of them.
 */

import { here, to } from "../address.js";
import { notify } from "../announce.js";
import * as api from "../api.js";
import { confirmed } from "../confirm.js";
import { fill, focusOn, h, newId, own } from "../dom.js";
import * as format from "../format.js";
import { nothing, show as showIn } from "../panels.js";
import { displayName } from "./display_name.js";
import { permissions } from "./permissions.js";
import { framed, table } from "./table.js";

const PAGE_SIZE = 50;

export function administer({ user, signal, setTitle, showWho }) {
  const element = h("div", { class: "administer" });
  let leaving = new AbortController();
  signal.addEventListener("abort", () => leaving.abort());

  function show(place) {
    leaving.abort();
    leaving = new AbortController();
    const current = leaving.signal;
    const subject = subjectOf(place);
    const page = Math.max(1, Number.parseInt(place.get("page") ?? "1", 10) || 1);
    const content = h("div", { class: "listed" });
    setTitle(subject.title);
    fill(element, subject.head, content);
    const again = () => {
      show(here());
      focusOn(element.querySelector("h1"));
    };
    showIn(content, "Fetching", () => subject.load({ page, user, signal: current, again, showWho }), current);
  }

  return { element, show };
}

function subjectOf(place) {
  const forUsers = place.get("view") === "users";
  const one = place.get(forUsers ? "user" : "base_uri");
  if (one) {
    return {
      title: one,
      head: [
        h("a", { class: "back", href: to({ view: place.get("view") }) }, h("span", { "aria-hidden": "true" }, "← "), forUsers ? "All users" : "All base URIs"),
        h("h1", { dir: "auto" }, one),
      ],
      load: (context) => permissions({ ...context, [forUsers ? "username" : "baseUri"]: one }),
    };
  }
  return forUsers
    ? { title: "Users", head: h("h1", {}, "Users"), load: users }
    : { title: "Base URIs", head: h("h1", {}, "Base URIs"), load: baseUris };
}

// Users.

async function users({ page, user, signal, again, showWho }) {
  const path = `/users?sort=username&page=${page}&page_size=${PAGE_SIZE}`;
  const { data, total } = await api.request(path, { signal });
  const list = table(
    ["User", "Display name", "Admin", "May search in", "May register in", null],
    data.map((each) => userRow(each, user, again, showWho)),
  );
  return [
    adding("Add a user", "User name", { maxlength: 64 }, async (name) => {
      await api.request(api.at("/users", name), { method: "PUT", body: {} });
      notify(`Added user ${name}`);
      again();
    }, (name) => existing(api.at("/users", name), `There is a user ${name} already.`)),
    data.length ? framed(list, "Users") : nothing("There is no user on this page"),
    pager(page, total, { view: "users" }),
  ];
}

function userRow(each, me, again, showWho) {
  const { username } = each;
  const isMe = username === me.username;
  const admin = h("input", {
    type: "checkbox",
    checked: each.is_admin,
    disabled: isMe,
    "aria-label": `${username} is an admin`,
    onChange: () =>
      tried(admin, async () => {
        await api.request(api.at("/users", username), { method: "PATCH", body: { is_admin: admin.checked } });
        notify(admin.checked ? `${username} is an admin now` : `${username} is no admin any more`);
      }),
  });
  return [
    [
      h("a", { href: to({ view: "users", user: username }) }, own(username)),
      isMe && h("span", { class: "quiet" }, " (you)"),
    ],
    displayName(each, api.at("/users", username), isMe && ((name) => showWho({ ...me, display_name: name }))),
    admin,
    base(each.search_permissions_on_base_uris),
    base(each.register_permissions_on_base_uris),
    !isMe && deletion(`user ${username}`, api.at("/users", username), "The user's token will no longer count, and the permissions are lost. The datasets that the user registered stay.", again),
  ];
}

function base(list) {
  return list.length ? format.count(list.length, "base URI") : h("span", { class: "quiet" }, "none");
}

// Base URIs.

async function baseUris({ page, signal, again }) {
  const path = `/base-uris?sort=base_uri&page=${page}&page_size=${PAGE_SIZE}`;
  const { data, total } = await api.request(path, { signal });
  const list = table(["Base URI", "Last indexed", null], data.map((row) => baseUriRow(row, again)));
  return [
    adding("Add a base URI", "Base URI", { placeholder: "s3://bucket", maxlength: 1000 }, async (uri) => {
      await api.request(api.at("/base-uris", uri), { method: "PUT", body: {} });
      notify(`Added base URI ${uri}`);
      again();
    }, (uri) => existing(api.at("/base-uris", uri), `${uri} is registered already.`)),
    data.length ? framed(list, "Base URIs") : nothing("There is no base URI here yet"),
    pager(page, total, { view: "base-uris" }),
  ];
}

function baseUriRow({ base_uri: baseUri, index_run: run }, again) {
  return [
    h("a", { href: to({ view: "base-uris", base_uri: baseUri }) }, own(baseUri)),
    run ? indexed(run) : h("span", { class: "quiet" }, "never"),
    deletion(`base URI ${baseUri}`, api.at("/base-uris", baseUri), "The permissions in it are lost. A base URI that has datasets cannot be deleted.", again),
  ];
}

/** What the newest run of indexing has come to; that it ended well needs no word. */
function indexed(run) {
  const counts = ["registered", "unchanged", "failed", "forgotten"]
    .filter((kind) => run[kind])
    .map((kind) => h("li", { class: kind }, `${format.number(run[kind])} ${kind}`));
  return [
    h(
      "div",
      { class: "run" },
      format.dayAndTime(run.finished_at ?? run.started_at),
      run.state !== "ended" && h("span", { class: run.error ? "badge bad" : "badge" }, run.state),
      counts.length ? h("ul", { class: "run-counts" }, counts) : run.state === "ended" && h("span", { class: "quiet" }, "no datasets"),
    ),
    run.error && h("p", { class: "run-error" }, own(run.error)),
  ];
}

// What both have.

/** Adding what is there already would replace it: look first. */
async function existing(path, message) {
  try {
    await api.request(path);
  } catch (error) {
    if (error.status === 404) return;
    throw error;
  }
  throw new Error(message);
}

function adding(title, label, attributes, add, check) {
  const id = newId("add");
  const field = h("input", { id, required: true, dir: "auto", autocomplete: "off", autocapitalize: "off", ...attributes });
  const fault = h("p", { class: "fault", role: "alert" });
  const button = h("button", { class: "primary" }, title);
  const submit = async (event) => {
    event.preventDefault();
    const value = field.value.trim();
    if (!value) return;
    fault.textContent = "";
    button.disabled = true;
    try {
      await check(value);
      await add(value);
    } catch (error) {
      fault.textContent = error.message;
      field.focus();
    } finally {
      button.disabled = false;
    }
  };
  return h("form", { class: "adding", onSubmit: submit }, h("label", { for: id }, label), field, button, fault);
}

function deletion(what, path, consequence, again) {
  return h(
    "button",
    {
      type: "button",
      class: "plain danger",
      "aria-label": `Delete ${what}`,
      onClick: async () => {
        if (!(await confirmed(`Delete ${what}?`, consequence, "Delete"))) return;
        try {
          await api.request(path, { method: "DELETE" });
          notify(`Deleted ${what}`);
          again();
        } catch (error) {
          notify(error.message);
        }
      },
    },
    "Delete",
  );
}

/** Do what a checkbox stands for; where it fails, the box goes back. */
async function tried(box, act) {
  box.disabled = true;
  try {
    await act();
  } catch (error) {
    box.checked = !box.checked;
    notify(error.message);
  } finally {
    box.disabled = false;
    box.focus();
  }
}

function pager(page, total, place) {
  const last = Math.ceil(total / PAGE_SIZE);
  if (!(last > 1)) return null;
  const link = (text, number) => (number >= 1 && number <= last ? h("a", { href: to({ ...place, page: number > 1 ? number : undefined }) }, text) : h("span", { "aria-disabled": "true" }, text));
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    link("Previous", page - 1),
    h("span", { "aria-current": "page" }, `Page ${page} of ${last}`),
    link("Next", page + 1),
  );
}
