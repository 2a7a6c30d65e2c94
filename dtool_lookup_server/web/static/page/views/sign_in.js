/** Signing in: with a token, or with a password where the server takes one. */

import * as api from "../api.js";
import { h } from "../dom.js";
import { say } from "../announce.js";
import * as session from "../session.js";

const takesPasswords = "takesPasswords" in document.documentElement.dataset;

const REFUSED = "The server does not take this token: it is not for this server, has ended, or its user is not registered.";

/**
 * Return the form.
 *
 * @param note why one is asked, or ""
 * @param enter tries the token that is kept; rejects with an ApiError
 */
export function signIn({ note, enter }) {
  const fault = h("p", { class: "fault", role: "alert" });
  if (note) say(note);

  async function attempt(form, run) {
    const button = form.querySelector("button");
    button.disabled = true;
    fault.textContent = "";
    try {
      await run();
    } catch (error) {
      fault.textContent = error.message;
      form.querySelector("input, textarea").focus();
    } finally {
      button.disabled = false;
    }
  }

  async function use(token) {
    session.keep(token);
    try {
      await enter();
    } catch (error) {
      session.forget();
      throw [401, 422].includes(error.status) ? new Error(REFUSED) : error;
    }
  }

  return h(
    "section",
    { class: "sign-in" },
    h("h1", {}, "Sign in"),
    h("p", { class: "lead" }, "The index of our datasets: what there is, who made it, and where it is kept."),
    note && h("p", { class: "note" }, note),
    takesPasswords && passwordForm(attempt, use),
    tokenForm(attempt, use),
    fault,
    help(),
  );
}

function tokenForm(attempt, use) {
  const field = h("textarea", {
    id: "token",
    rows: 4,
    required: true,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-describedby": "token-help",
  });
  const form = h(
    "form",
    {
      class: "card",
      onSubmit: (event) => {
        event.preventDefault();
        attempt(form, async () => {
          const token = session.cleaned(field.value);
          const wrong = session.fault(token);
          if (wrong) throw new Error(wrong);
          await use(token);
        });
      },
      onKeydown: (event) => {
        if (event.key === "Enter" && event.target === field) {
          event.preventDefault();
          form.requestSubmit();
        }
      },
    },
    h("label", { for: "token" }, takesPasswords ? "Or paste a token" : "Your token"),
    field,
    h("p", { id: "token-help", class: "quiet" }, "It stays in this tab, and is forgotten when you sign out or close the tab."),
    h("button", { class: "primary" }, "Sign in"),
  );
  return form;
}

function passwordForm(attempt, use) {
  const username = h("input", { id: "username", autocomplete: "username", required: true, autocapitalize: "off" });
  const password = h("input", { id: "password", type: "password", autocomplete: "current-password", required: true });
  const form = h(
    "form",
    {
      class: "card",
      onSubmit: (event) => {
        event.preventDefault();
        attempt(form, async () => use(await tokenFor(username.value, password.value)));
      },
    },
    h("label", { for: "username" }, "User name"),
    username,
    h("label", { for: "password" }, "Password"),
    password,
    h("button", { class: "primary" }, "Sign in"),
  );
  return form;
}

async function tokenFor(username, password) {
  try {
    const { data } = await api.request("/token", {
      method: "POST",
      body: { username, password },
      quiet: true,
    });
    return data.token ?? data.access_token;
  } catch (error) {
    throw [400, 401, 403].includes(error.status) ? new Error("User name and password do not match.") : error;
  }
}

function help() {
  return h(
    "details",
    { class: "help" },
    h("summary", {}, "Where do I get a token?"),
    h("p", {}, "Ask the people who run this server. They make one with this command:"),
    h("pre", { tabindex: "0" }, h("code", {}, "dtool-lookup-server user token ", h("var", {}, "your-name"))),
    h("p", {}, "You see the datasets of those base URIs that you have been given permission to search. If one is missing, ask for it by its name."),
  );
}
