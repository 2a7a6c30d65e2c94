/** What stands where there is nothing else to show: waiting, failing, nothing there. */

import { h, newId } from "./dom.js";
import { say } from "./announce.js";

/** Return a panel that says that something is on its way. */
export function waiting(what) {
  return h("p", { class: "waiting" }, `${what} …`);
}

/**
 * Return a panel that says what failed, with a button to try again.
 *
 * @param level of its heading: h1 where nothing else is shown
 */
export function failure(error, retry, level = "h2") {
  const id = newId("failure");
  say(error.message);
  return h(
    "section",
    { class: "panel failure", "aria-labelledby": id },
    h(level, { id }, "That did not work"),
    h("p", {}, error.message),
    retry && h("button", { type: "button", class: "primary", onClick: retry }, "Try again"),
  );
}

/** Return a panel that says that there is nothing, and what to do about it. */
export function nothing(title, ...advice) {
  return h("section", { class: "panel nothing" }, h("h2", {}, title), ...advice);
}

/**
 * Show in a container what a promise gives: waiting, then the content or the failure.
 *
 * @param load called now, and again for each retry; its promise gives elements
 * @param level of the heading of a failure
 */
export async function show(container, what, load, signal, level) {
  container.setAttribute("aria-busy", "true");
  container.replaceChildren(waiting(what));
  try {
    const content = await load();
    if (!signal.aborted) container.replaceChildren(...[content].flat().filter(Boolean));
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    const retry = () => show(container, what, load, signal, level);
    container.replaceChildren(failure(error, retry, level));
    // A mistake of this page's own: the browser's console is to know of it.
    if (!("status" in error)) throw error;
  } finally {
    container.removeAttribute("aria-busy");
  }
}
