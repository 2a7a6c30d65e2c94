/** The server's REST API: the user's token goes with each request. */

import * as session from "./session.js";

/** Below which path the server is; empty where it has a host of its own. */
const ROOT = document.documentElement.dataset.root ?? "";

/** An answer that is no success; status 0 where there was none. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const NO_ANSWER =
  "The server does not answer. Is this computer online? Try again, and if it goes on," +
  " tell the people who run the server.";

const IF_IT_GOES_ON = "If it goes on, tell the people who run the server.";

const MESSAGES = {
  403: "You have no permission to see or do this. Ask the people who run the server.",
  404: "There is no such thing here, or no longer.",
  413: "That is more than the server takes.",
  429: "Too many requests. Wait a moment and try again.",
  500: "The server made a mistake. Try again, and if it goes on, tell the people who run it.",
  502: NO_ANSWER,
  503: `The server cannot reach one of its stores. Try again in a moment. ${IF_IT_GOES_ON}`,
  504: "The server took too long. Try again, or ask for less.",
};

let onUnauthorised = () => {};

/** Call a function when the server does not, or no longer, take the token. */
export function whenUnauthorised(listener) {
  onUnauthorised = listener;
}

/** Return the URL of a path of the API, for workers and downloads. */
export function urlOf(path) {
  return new URL(ROOT + path, location.origin).href;
}

/** Return the path of something of a URI: at("/readmes", "s3://bucket/uuid"). */
export function at(path, ...segments) {
  return [path, ...segments.map(encodeURIComponent)].join("/");
}

/** Return the headers that say who one is. */
export function authorization() {
  const token = session.token();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * Send a request, and return { data, total, headers }.
 *
 * @param path below the server's root, with its query
 * @param options.method GET where it is left out
 * @param options.body sent as JSON
 * @param options.headers beside those that each request has
 * @param options.signal aborts the request; the promise then rejects with AbortError
 * @param options.quiet leaves a 401 to the caller
 * @throws {ApiError}
 */
export async function request(path, { method = "GET", body, headers, signal, quiet = false } = {}) {
  const done = working();
  try {
    const response = await fetched(path, { method, body, headers, signal });
    if (!response.ok) throw await errorOf(response, quiet);
    return {
      data: await readJson(response),
      total: totalOf(response),
      headers: response.headers,
    };
  } finally {
    done();
  }
}

async function fetched(path, { method, body, headers, signal }) {
  const all = { Accept: "application/json", ...authorization(), ...headers };
  if (body !== undefined) all["Content-Type"] = "application/json";
  try {
    return await fetch(ROOT + path, {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, NO_ANSWER);
  }
}

async function readJson(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, NO_ANSWER);
  }
}

async function errorOf(response, quiet) {
  const answer = await response.json().catch(() => ({}));
  return refusal(response.status, told(response.status, detail(answer)), quiet);
}

/**
 * Return the error for a status, with what the server said or else what it means.
 *
 * One that the token is to blame for leads to signing in, unless it is quiet.
 */
export function refusal(status, said, quiet = false) {
  if (status === 401 && !quiet) onUnauthorised();
  const general = status ? `The server answered ${status}.` : NO_ANSWER;
  return new ApiError(status ?? 0, said || (MESSAGES[status] ?? general));
}

/** Return what the server said, where it was written for those who use it. */
function told(status, said) {
  if (status < 500) return said;
  return status === 503 && said ? `${said.replace(/\.$/, "")}. ${IF_IT_GOES_ON}` : "";
}

function detail(answer) {
  const fields = Object.values(answer.errors ?? {}).flatMap((place) => Object.entries(place ?? {}));
  const faults = fields.map(([name, fault]) => `${name}: ${[fault].flat().join(" ")}`);
  return [answer.message, ...faults].filter((text) => typeof text === "string").join(" ");
}

function totalOf(response) {
  try {
    return JSON.parse(response.headers.get("X-Pagination")).total;
  } catch {
    return undefined;
  }
}

// What the page shows while it waits.

let pending = 0;
const watchers = [];

/** Call a function with true when requests begin, and with false when all are done. */
export function whileWorking(watcher) {
  watchers.push(watcher);
}

function working() {
  pending += 1;
  if (pending === 1) watchers.forEach((watcher) => watcher(true));
  let open = true;
  return () => {
    if (!open) return;
    open = false;
    pending -= 1;
    if (pending === 0) watchers.forEach((watcher) => watcher(false));
  };
}
