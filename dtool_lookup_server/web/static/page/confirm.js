/** Asking before something is lost. */

import { h, newId } from "./dom.js";

/**
 * Ask, in a dialog, whether to do something; the promise gives true or false.
 *
 * @param title the question: Delete user ann?
 * @param consequence what is lost, and what is not
 * @param action the name of the button that does it: Delete
 */
export function confirmed(title, consequence, action) {
  const heading = newId("dialog");
  const text = newId("dialog");
  const dialog = h(
    "dialog",
    { "aria-labelledby": heading, "aria-describedby": text },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: heading }, title),
      h("p", { id: text }, consequence),
      h("div", { class: "buttons" }, h("button", { value: "no", autofocus: true }, "Cancel"), h("button", { value: "yes", class: "danger" }, action)),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
