/** The page's end of the manifest worker. */

import * as api from "./api.js";

/** A manifest that is kept by a worker; close() ends it. */
export class Manifest {
  constructor(uri) {
    this.uri = uri;
    this.waiting = new Map();
    this.lastId = 0;
    this.worker = new Worker(new URL("manifest_worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.settle(data);
    this.worker.onerror = () => this.settleAll(new api.ApiError(0, "The items cannot be shown."));
  }

  /** Fetch it; the promise gives { count, size, rows, files }. */
  load() {
    const url = api.urlOf(api.at("/manifests", this.uri));
    return this.ask("load", { url, headers: api.authorization() });
  }

  /** Ask the worker for something; the promise gives its answer. */
  ask(call, parameters = {}) {
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, ...parameters });
    });
  }

  close() {
    this.worker.terminate();
    this.waiting.clear();
  }

  settle({ id, answer, error, status }) {
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) resolve(answer);
    else reject(api.refusal(status, error));
  }

  settleAll(error) {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
