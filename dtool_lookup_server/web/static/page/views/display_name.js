/** The field of a user's display name: it is kept on leaving it or by Enter. */

import { notify } from "../announce.js";
import * as api from "../api.js";
import { h } from "../dom.js";

/**
 * Return the field.
 *
 * @param path of the API where it is changed: /me, /users/ann
 * @param changed called with the new name, or nothing
 */
export function displayName({ username, display_name }, path, changed) {
  let kept = display_name ?? "";
  const field = h("input", {
    value: kept,
    class: "in-place",
    dir: "auto",
    maxlength: 255,
    autocomplete: "off",
    placeholder: "none",
    "aria-label": `Display name of ${username}`,
    onChange: change,
    onKeydown: (event) => {
      if (event.key === "Escape") field.value = kept;
    },
  });

  async function change() {
    const wanted = field.value.trim();
    if (wanted === kept) return;
    try {
      await api.request(path, { method: "PATCH", body: { display_name: wanted || null } });
      kept = wanted;
      if (changed) changed(wanted);
      notify(wanted ? `${username} goes by ${wanted} now` : `${username} goes by the user name now`);
    } catch (error) {
      notify(error.message);
    }
    field.value = kept;
  }

  return field;
}
