/** A README that is edited in place, by those who may. */

import { notify } from "../announce.js";
import * as api from "../api.js";
import { confirmed } from "../confirm.js";
import { fill, h, newId } from "../dom.js";
import { readme } from "./readme.js";

/** Lines of the field. */
const FEWEST = 8;
const MOST = 28;

/**
 * Return the element with the README of a dataset, and a button to edit it.
 *
 * @param dataset with its uri, and its readme, which follows the edits
 * @param etag of the README: what somebody else wrote meanwhile is not replaced
 */
export function editableReadme(dataset, etag) {
  const shown = h("div", {});
  const edit = h("button", { type: "button", onClick: open }, "Edit the README");
  const element = h("div", { class: "edit-readme" }, shown, edit);
  let held = etag;

  function draw() {
    fill(shown, readme(dataset.readme));
    edit.hidden = false;
  }

  function close() {
    draw();
    edit.focus();
  }

  function open() {
    const id = newId("readme");
    const field = h("textarea", {
      id,
      dir: "auto",
      spellcheck: "false",
      rows: Math.min(Math.max(dataset.readme.split("\n").length + 1, FEWEST), MOST),
      "aria-describedby": `${id}-help`,
    });
    field.value = dataset.readme;
    const fault = h("p", { class: "fault", role: "alert" });
    const save = h("button", { class: "primary" }, "Save");
    edit.hidden = true;

    async function submit(event) {
      event.preventDefault();
      fault.textContent = "";
      save.disabled = true;
      try {
        await write(field.value);
        close();
        notify("Saved the README");
      } catch (error) {
        fault.textContent = error.status === 412 ? CHANGED : error.message;
      } finally {
        save.disabled = false;
      }
    }

    async function cancel() {
      const lost = field.value !== dataset.readme;
      if (!lost || (await confirmed("Leave the README as it was?", "What you wrote is lost.", "Leave it"))) close();
      else field.focus();
    }

    fill(
      shown,
      h(
        "form",
        {
          onSubmit: submit,
          onKeydown: (event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
          },
        },
        h("label", { for: id, class: "unseen" }, "README"),
        field,
        h("p", { id: `${id}-help`, class: "quiet" }, "Names and values as YAML, or plain text. Ctrl Enter saves."),
        fault,
        h("div", { class: "buttons" }, save, h("button", { type: "button", onClick: cancel }, "Cancel")),
      ),
    );
    field.focus();
    field.setSelectionRange(0, 0);
  }

  async function write(text) {
    const { data, headers } = await api.request(api.at("/readmes", dataset.uri), {
      method: "PUT",
      body: { readme: text },
      headers: held ? { "If-Match": held } : {},
    });
    dataset.readme = data.readme;
    held = headers.get("ETag");
  }

  draw();
  return element;
}

const CHANGED = "Somebody has changed the README since you opened it. Copy what you wrote, load the page anew and put it in there.";
