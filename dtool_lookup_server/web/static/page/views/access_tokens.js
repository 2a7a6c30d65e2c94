/** Personal access tokens: made, shown this once, listed, revoked. */

import { notify } from "../announce.js";
import * as api from "../api.js";
import { confirmed } from "../confirm.js";
import { copyable } from "../copy.js";
import { fill, focusOn, h, newId, own } from "../dom.js";
import * as format from "../format.js";
import { nothing, show as showIn } from "../panels.js";
import { folded } from "../words.js";
import { framed, table } from "./table.js";

const DAY = 86_400;
const LIVES = [
  [7, "in a week"],
  [30, "in 30 days"],
  [90, "in 90 days"],
  [365, "in a year"],
];
const STANDARD_LIFE = 90;

const SCOPES = [
  ["search", "search and read"],
  ["register", "register and edit"],
];

/** With more base URIs than this, there is a box to filter them. */
const FEW = 7;

/** Return the elements to make, see and revoke the tokens of a user. */
export function accessTokens(me, signal) {
  const list = h("div", { class: "held-tokens" });
  const made = h("div", {});
  const refresh = () => showIn(list, "Fetching your access tokens", load, signal);
  const open = h("button", { type: "button", class: "primary", onClick: () => toggle(true) }, "New access token");
  const form = newToken(me, {
    make: async (wanted) => {
      const { data } = await api.request("/me/tokens", { method: "POST", body: wanted });
      toggle(false);
      fill(made, shownOnce(data));
      focusOn(made.querySelector("h3"));
      refresh();
    },
    cancel: () => {
      toggle(false);
      open.focus();
    },
  });

  function toggle(opened) {
    open.hidden = opened;
    form.hidden = !opened;
    if (opened) fill(made);
    if (opened) form.querySelector("input").focus();
    else form.reset();
  }

  async function load() {
    const { data } = await api.request("/me/tokens", { signal });
    return data.length ? held(data.toReversed(), refresh, open) : nothing("You have no access token", h("p", {}, "Make one for each script or machine, so that each can be revoked by itself."));
  }

  toggle(false);
  refresh();
  return [
    h("p", { class: "quiet" }, "For scripts, in place of your own token: each may do no more than you say here, until its end."),
    open,
    form,
    made,
    list,
  ];
}

/** Return the form in which a token is described. */
function newToken(me, { make, cancel }) {
  const id = newId("token");
  const name = h("input", { id, required: true, maxlength: 255, dir: "auto", autocomplete: "off", placeholder: "nightly upload" });
  const scopes = SCOPES.map(([value, text]) => checkbox(value, text, value === "search"));
  const life = h("select", { id: `${id}-life` }, LIVES.map(([days, text]) => h("option", { value: days, selected: days === STANDARD_LIFE }, text)));
  const places = placesChoice(me);
  const fault = h("p", { class: "fault", role: "alert" });
  const save = h("button", { class: "primary" }, "Make the token");
  const submit = async (event) => {
    event.preventDefault();
    fault.textContent = "";
    save.disabled = true;
    try {
      const limits = places.chosen();
      const may = checkedOf(scopes);
      if (!may.length) throw new Error("Choose what it may do.");
      await make({
        name: name.value.trim(),
        scopes: may,
        expires_at: Math.floor(Date.now() / 1000) + Number(life.value) * DAY,
        ...(limits && { base_uris: limits }),
      });
    } catch (error) {
      fault.textContent = error.message;
      name.focus();
    } finally {
      save.disabled = false;
    }
  };
  return h(
    "form",
    { class: "new-token", hidden: true, onSubmit: submit, onReset: () => places.reset() },
    h("label", { for: id }, "What it is for"),
    name,
    h("fieldset", {}, h("legend", {}, "It may"), scopes),
    places.element,
    h("label", { for: life.id }, "It ends"),
    life,
    fault,
    h("div", { class: "buttons" }, save, h("button", { type: "button", onClick: cancel }, "Cancel")),
  );
}

function checkbox(value, text, checked = false) {
  return h("label", { class: "choice" }, h("input", { type: "checkbox", value, checked }), own(text));
}

function checkedOf(boxes) {
  return boxes.map((box) => box.querySelector("input")).filter(({ checked }) => checked).map(({ value }) => value);
}

/** Return the choice of base URIs: all that one may use, or some of them. */
function placesChoice(me) {
  const uris = [...new Set([...me.search_permissions_on_base_uris, ...me.register_permissions_on_base_uris])].sort();
  const boxes = uris.map((uri) => checkbox(uri, uri));
  const filter = h("input", {
    type: "search",
    placeholder: "Filter base URIs",
    "aria-label": "Filter base URIs",
    hidden: uris.length <= FEW,
    onInput: () => {
      const wanted = folded(filter.value.trim());
      boxes.forEach((box, index) => (box.hidden = !folded(uris[index]).includes(wanted)));
    },
  });
  const some = h("div", { class: "some" }, filter, h("div", { class: "choices" }, boxes));
  const name = newId("where");
  const radio = (text, all) =>
    h(
      "label",
      { class: "choice" },
      h("input", { type: "radio", name, checked: all, value: all ? "all" : "some", onChange: () => (some.hidden = all) }),
      text,
    );
  const every = radio("every base URI that you may use, also in future", true);
  const few = radio("only these", false);
  const element = h("fieldset", {}, h("legend", {}, "Where"), every, uris.length > 0 && [few, some]);
  const reset = () => (some.hidden = true);
  reset();
  return {
    element,
    reset,
    /** Return the base URIs, or null for all. */
    chosen() {
      if (every.querySelector("input").checked) return null;
      const limits = checkedOf(boxes);
      if (!limits.length) throw new Error("Choose a base URI, or every one.");
      return limits;
    },
  };
}

function shownOnce({ name, token }) {
  return h(
    "section",
    { class: "note made-token", "aria-label": "The new access token" },
    h("h3", {}, "Copy the token of ", own(name), " now"),
    h("p", {}, "It is shown this once. Whoever has it may use it: keep it as you would a password."),
    copyable(token, "the access token"),
  );
}

function held(tokens, refresh, next) {
  return framed(
    table(
      ["Access token", "May", "In", "Made", "Last used", "Ends", null],
      tokens.map((token) => [
        own(token.name),
        token.scopes.join(", "),
        token.base_uris ? h("ul", { class: "places" }, token.base_uris.map((uri) => h("li", {}, own(uri)))) : "every base URI",
        format.day(token.created_at),
        token.last_used_at ? format.dayAndTime(token.last_used_at) : h("span", { class: "quiet" }, "never"),
        ends(token.expires_at),
        revocation(token, refresh, next),
      ]),
    ),
    "Access tokens",
  );
}

function ends(moment) {
  const over = moment * 1000 < Date.now();
  return [format.day(moment), over && " ", over && h("span", { class: "badge" }, "ended")];
}

function revocation({ id, name }, refresh, next) {
  const revoke = async () => {
    if (!(await confirmed(`Revoke access token ${name}?`, "What uses it is refused from now on. This cannot be taken back.", "Revoke"))) return;
    try {
      await api.request(api.at("/me/tokens", id), { method: "DELETE" });
      notify(`Revoked access token ${name}`);
      next.focus();
      refresh();
    } catch (error) {
      notify(error.message);
    }
  };
  return h("button", { type: "button", class: "plain danger", "aria-label": `Revoke access token ${name}`, onClick: revoke }, "Revoke");
}
