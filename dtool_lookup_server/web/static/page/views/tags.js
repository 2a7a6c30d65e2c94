/** The tags of a dataset: links into the search, edited in place by those who may. */

import { to } from "../address.js";
import { notify } from "../announce.js";
import * as api from "../api.js";
import { fill, h, iconButton, newId, own } from "../dom.js";
import { folded } from "../words.js";

/** dtool keeps tags of this many letters, digits, hyphens, underscores and dots. */
const LONGEST_KEPT = 80;

/** Return the element with the tags of a dataset. */
export function tags(dataset, mayEdit) {
  let held = dataset.tags ?? [];
  const list = h("ul", { class: "tags" });
  const fault = h("p", { class: "fault", role: "alert" });
  const id = newId("new-tag");
  const field = h("input", { id, dir: "auto", autocomplete: "off", maxlength: 255, placeholder: "New tag" });
  const form = h(
    "form",
    { class: "add-tag", onSubmit: add },
    h("label", { for: id, class: "unseen" }, "New tag"),
    field,
    h("button", {}, "Add"),
  );

  function draw() {
    const items = held.map((tag) =>
      h(
        "li",
        {},
        h("a", { class: "tag", href: to({ tag }) }, own(tag)),
        mayEdit && iconButton(`Remove tag ${tag}`, "×", { onClick: () => remove(tag) }),
      ),
    );
    fill(list, items.length ? items : h("li", { class: "quiet" }, "No tags"));
  }

  async function change(method, tag, message) {
    fault.textContent = "";
    try {
      const { data } = await api.request(api.at("/tags", dataset.uri, tag), { method });
      held = data.tags;
      draw();
      notify(message);
      return true;
    } catch (error) {
      fill(fault, error.message, method === "POST" && error.status === 422 && another(tag));
      return false;
    }
  }

  /** Return a button for the nearest tag that dtool keeps with any dataset. */
  function another(tag) {
    const near = folded(tag).replace(/[^\w.-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, LONGEST_KEPT);
    const use = () => {
      field.value = near;
      form.requestSubmit();
    };
    return near && near !== tag && [" ", h("button", { type: "button", class: "plain", onClick: use }, `Add ${near} instead`)];
  }

  async function add(event) {
    event.preventDefault();
    const tag = field.value.trim();
    if (tag && (await change("POST", tag, `Added tag: ${tag}`))) field.value = "";
    field.focus();
  }

  async function remove(tag) {
    if (await change("DELETE", tag, `Removed tag: ${tag}`)) field.focus();
  }

  draw();
  return h("div", { class: "edit-tags" }, list, mayEdit && form, fault);
}
