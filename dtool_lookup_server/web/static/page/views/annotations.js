/** The annotations of a dataset as a structure, edited in place by those who may. */

import { notify } from "../announce.js";
import * as api from "../api.js";
import { confirmed } from "../confirm.js";
import { fill, h, iconButton, newId } from "../dom.js";
import { structure } from "../structure.js";

/** The field of a value is no higher than this. */
const MOST_LINES = 16;

/**
 * Return the element with the annotations of a dataset.
 *
 * @param dataset with its uri, and its annotations, which follow the edits
 */
export function annotations(dataset, mayEdit) {
  const list = h("div", { class: "structure-rows" });
  const fault = h("p", { class: "fault", role: "alert" });
  const id = newId("annotation");
  const name = h("input", { id: `${id}-name`, required: true, maxlength: 80, dir: "auto", autocomplete: "off" });
  const value = h("textarea", { id: `${id}-value`, required: true, rows: 2, dir: "auto", spellcheck: "false", "aria-describedby": `${id}-help` });
  const form = h(
    "form",
    { class: "edit-annotation", hidden: true, onSubmit: save },
    h("label", { for: name.id }, "Name"),
    name,
    h("label", { for: value.id }, "Value"),
    value,
    h("p", { id: `${id}-help`, class: "quiet" }, "Text, a number, true, false, or JSON such as [1, 2]."),
    fault,
    h("div", { class: "buttons" }, h("button", { class: "primary" }, "Save"), h("button", { type: "button", onClick: close }, "Cancel")),
  );
  const add = h("button", { type: "button", onClick: () => open("", "") }, "Add an annotation");

  function draw() {
    const rows = Object.entries(dataset.annotations).map(([key, held]) =>
      h("div", { class: "structure-row" }, structure({ [key]: held }), mayEdit && actions(key, held)),
    );
    fill(list, rows.length ? rows : h("p", { class: "quiet" }, "No annotations"));
  }

  function actions(key, held) {
    return h(
      "div",
      { class: "actions" },
      iconButton(`Edit annotation ${key}`, "✎", { onClick: () => open(key, held) }),
      iconButton(`Remove annotation ${key}`, "×", { onClick: () => remove(key) }),
    );
  }

  function open(key, held) {
    name.value = key;
    name.readOnly = Boolean(key);
    value.value = written(held);
    value.rows = Math.min(value.value.split("\n").length + 1, MOST_LINES);
    fault.textContent = "";
    form.hidden = false;
    add.hidden = true;
    (key ? value : name).focus();
  }

  function close() {
    form.hidden = true;
    add.hidden = false;
    add.focus();
  }

  async function change(key, method, body) {
    const { data } = await api.request(api.at("/annotations", dataset.uri, key), { method, body });
    dataset.annotations = data.annotations;
    draw();
  }

  async function save(event) {
    event.preventDefault();
    const key = name.value.trim();
    if (!name.readOnly && key in dataset.annotations) {
      fault.textContent = `There is an annotation ${key} already.`;
      return;
    }
    try {
      await change(key, "PUT", { value: read(value.value) });
      notify(`Saved annotation: ${key}`);
      close();
    } catch (error) {
      fault.textContent = error.message;
    }
  }

  async function remove(key) {
    if (!(await confirmed(`Remove annotation ${key}?`, "Its value is lost.", "Remove"))) return;
    try {
      await change(key, "DELETE");
      notify(`Removed annotation: ${key}`);
      add.focus();
    } catch (error) {
      notify(error.message);
    }
  }

  draw();
  return h("div", { class: "annotations" }, list, mayEdit && [form, add]);
}

/** Return what a person wrote as a value: JSON where it is that, else text. */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Return a value so that read() gives it back. */
function written(value) {
  const plain = typeof value === "string" && read(value) === value;
  return plain ? value : JSON.stringify(value, null, 2);
}
