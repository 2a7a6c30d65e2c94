/** Your account: who you are to the server, where you may search, your access tokens. */

import { to } from "../address.js";
import { fill, h, newId, own } from "../dom.js";
import * as session from "../session.js";
import { accessTokens } from "./access_tokens.js";
import { displayName } from "./display_name.js";

/** Of more base URIs, the rest is shown when one asks for them. */
const FEW = 12;

export function account({ user, signal, setTitle, showWho }) {
  const element = h("div", { class: "account" });
  let me = user;

  function changed(name) {
    me = { ...me, display_name: name };
    showWho(me);
  }

  function show() {
    setTitle("Your account");
    // What an access token may not do is not offered.
    const limited = session.isAccessToken(session.token());
    fill(
      element,
      h("h1", {}, "Your account"),
      card("You", facts(me, limited ? own(me.display_name || "none") : displayName(me, "/me", changed))),
      card("Access tokens", limited ? h("p", {}, LIMITED) : accessTokens(me, signal)),
    );
  }

  return { element, show };
}

const LIMITED =
  "You are signed in with an access token. It makes and revokes none: sign in with a token of your own for that.";

function card(title, ...content) {
  const id = newId("card");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), content);
}

function facts(me, name) {
  const row = (title, ...value) => h("div", {}, h("dt", {}, title), h("dd", {}, value));
  return h(
    "dl",
    { class: "facts" },
    row("User name", own(me.username)),
    row("Display name", name),
    me.is_admin && row("Rights", "admin"),
    row("Base URIs", baseUris(me)),
  );
}

/** Return the base URIs that one may use, each a link, with what one may do there. */
function baseUris({ search_permissions_on_base_uris: search, register_permissions_on_base_uris: register }) {
  const uris = [...new Set([...search, ...register])].sort();
  if (!uris.length) return h("span", { class: "quiet" }, "none: ask the people who run the server for the ones that you need, by their names");
  const rights = (uri) => [search.includes(uri) && "search", register.includes(uri) && "register"].filter(Boolean).join(", ");
  const item = (uri) =>
    h("li", {}, h("a", { href: to({ base_uri: uri }) }, own(uri)), " ", h("span", { class: "quiet" }, rights(uri)));
  const list = h("ul", { class: "places" }, uris.slice(0, FEW).map(item));
  if (uris.length <= FEW) return list;
  const more = h("button", { type: "button", class: "plain", onClick: showAll }, `Show all ${uris.length}`);
  function showAll() {
    fill(list, uris.map(item));
    more.remove();
    list.children[FEW].querySelector("a").focus();
  }
  return [list, more];
}
