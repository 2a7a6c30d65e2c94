/** Starts the page: who is there, which view, and what is around it. */

import * as address from "./address.js";
import { say } from "./announce.js";
import * as api from "./api.js";
import { fill, focusOn, h } from "./dom.js";
import { failure } from "./panels.js";
import * as session from "./session.js";
import { account } from "./views/account.js";
import { administer } from "./views/administer.js";
import { dataset } from "./views/dataset.js";
import { find } from "./views/find.js";
import { overview } from "./views/overview.js";
import { signIn } from "./views/sign_in.js";

const SLOW_MS = 4000;
const SOON_MS = 120;
const TITLE = "dtool lookup server";

const main = document.getElementById("main");

/** Views by the name that the address has for them. */
const VIEWS = { find, dataset, overview, account, users: administer, "base-uris": administer };

/** The user, as /me has it; null while nobody has signed in. */
let user = null;

/** The view that is shown: { name, show(place), element }, and what ends it. */
let shown = null;
let leaving = new AbortController();

function viewName(place) {
  if (place.has("dataset")) return "dataset";
  const name = place.get("view");
  const forAdmins = name === "users" || name === "base-uris";
  return name in VIEWS && (!forAdmins || user.is_admin) ? name : "find";
}

/** Show what the address says. A view that is there already is asked to follow it. */
function arrive() {
  if (!user) return;
  const place = address.here();
  const name = viewName(place);
  if (shown?.make !== VIEWS[name]) {
    leaving.abort();
    leaving = new AbortController();
    const first = shown === null;
    shown = { make: VIEWS[name], ...VIEWS[name]({ user, signal: leaving.signal, setTitle, showWho }) };
    fill(main, shown.element);
    scrollTo(0, 0);
    if (!first) focusOn(main);
  }
  markView(name);
  shown.show(place);
}

function setTitle(text) {
  document.title = text ? `${text} · ${TITLE}` : TITLE;
}

/** Return a link to a view, in the head of the page. */
function viewLink(name, place, attributes, ...text) {
  return h("a", { href: address.to(place), "data-view": name, ...attributes }, text);
}

/** Tell in the head of the page which view is shown. */
function markView(name) {
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function showViews() {
  const nav = document.getElementById("views");
  nav.hidden = !user;
  if (!user) return;
  fill(
    nav,
    viewLink("find", {}, {}, "Find"),
    viewLink("overview", { view: "overview" }, {}, "Overview"),
    user.is_admin && [viewLink("users", { view: "users" }, {}, "Users"), viewLink("base-uris", { view: "base-uris" }, {}, "Base URIs")],
  );
}

/** Show who is signed in, by the name that the user goes by since the last change. */
function showWho(changed = user) {
  user = changed;
  const who = document.getElementById("who");
  who.hidden = !user;
  if (!user) return;
  const name = user.display_name || user.username;
  fill(
    who,
    viewLink(
      "account",
      { view: "account" },
      { class: "name", title: `${user.username}: your account` },
      h("span", { class: "unseen" }, "Signed in as "),
      h("bdi", {}, name),
    ),
    session.token() && h("button", { type: "button", class: "plain", onClick: signOut }, "Sign out"),
  );
  markView(viewName(address.here()));
}

/** Leave the view, and whoever was signed in. */
function leave() {
  leaving.abort();
  user = null;
  shown = null;
}

function signOut() {
  session.forget();
  askToSignIn("You are signed out.");
}

/** Ask for a token; with it, one is back at the same address. */
function askToSignIn(note) {
  leave();
  showWho();
  showViews();
  setTitle("Sign in");
  const form = signIn({ note, enter });
  fill(main, form);
  form.querySelector("input, textarea")?.focus();
}

/** Find out who the token's user is; with authentication disabled, there is no token. */
async function enter() {
  const { data } = await api.request("/me", { quiet: true });
  user = data;
  showWho();
  showViews();
  arrive();
  say(`Signed in as ${user.display_name || user.username}`);
}

async function start(given) {
  if (given) session.keep(session.cleaned(given));
  const hadToken = session.token() !== null;
  try {
    await enter();
  } catch (error) {
    if (error.status !== 401 && error.status !== 422) {
      fill(main, failure(error, () => start(), "h1"));
      return;
    }
    session.forget();
    askToSignIn(hadToken ? "Your token has ended, or is not for this server. Sign in to go on." : "");
  }
}

function showProgress() {
  const bar = document.getElementById("progress");
  const slow = document.getElementById("slow");
  let soon;
  let later;
  api.whileWorking((working) => {
    clearTimeout(soon);
    clearTimeout(later);
    bar.hidden = true;
    slow.hidden = true;
    slow.textContent = "";
    if (!working) return;
    soon = setTimeout(() => (bar.hidden = false), SOON_MS);
    later = setTimeout(() => {
      slow.hidden = false;
      slow.textContent = "The server is taking its time …";
    }, SLOW_MS);
  });
}

api.whenUnauthorised(() => {
  session.forget();
  askToSignIn("Your token has ended. Sign in to go on where you were.");
});
showProgress();
address.followLinks();
address.onArrival(arrive);
address.onToken((given) => {
  leave();
  start(given);
});
start(address.takeToken());
