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
  addEventListener("popstate", arrive);
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

/** Return the fragment's parameters and take them out of the address bar. */
export function takeFragment() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (location.hash) {
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return fragment;
}
