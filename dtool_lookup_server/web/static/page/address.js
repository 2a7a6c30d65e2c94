/**
 * Where one is, as the address bar has it.
 *
 * Each view is the page's own path with a query: none to find, ?dataset=URI,
 * ?view=overview and so on. The server answers all of them alike.
 */

const listeners = [];

/** Return the parameters of where one is. */
export function here() {
  return new URLSearchParams(location.search);
}

/** Return the address of a place: to({ view: "overview" }), to({ tag: ["a", "b"] }). */
export function to(parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of [value].flat()) {
      if (each !== undefined && each !== null && each !== "") query.append(name, each);
    }
  }
  const text = query.toString();
  return location.pathname + (text && `?${text}`);
}

/** Go to an address of this page; with replace, Back does not return to this one. */
export function go(address, { replace = false } = {}) {
  if (address !== location.pathname + location.search) {
    history[replace ? "replaceState" : "pushState"]({ inside: true }, "", address);
  }
  arrive();
}

/** Tell whether Back stays within this page. */
export function cameFromInside() {
  return Boolean(history.state?.inside);
}

/** Call a function each time one arrives somewhere. */
export function onArrival(listener) {
  listeners.push(listener);
}

function arrive() {
  for (const listener of listeners) listener();
}

/** Follow links within the page without loading it anew. */
export function followLinks() {
  let at = location.search;
  // Within one address, to #main and back, nothing is to be drawn anew.
  addEventListener("popstate", () => {
    if (location.search !== at) arrive();
  });
  onArrival(() => (at = location.search));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const plain = !event.button && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!link || !plain || event.altKey || event.defaultPrevented) return;
    const url = new URL(link.href);
    const within = url.origin === location.origin && url.pathname === location.pathname;
    if (!within || url.hash || link.target || link.hasAttribute("download")) return;
    event.preventDefault();
    go(url.pathname + url.search);
  });
}

/** Return the token in #token=..., or null, and take it out of the address bar. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) history.replaceState(history.state, "", location.pathname + location.search);
  return given;
}

/** Call a function when a token comes to a page that is there already. */
export function onToken(listener) {
  addEventListener("hashchange", () => {
    const given = takeToken();
    if (given) listener(given);
  });
}
