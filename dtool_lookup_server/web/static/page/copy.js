/** Text with a button that copies it. */

import { h } from "./dom.js";
import { notify } from "./announce.js";

/** Return text in a box of its own, with a button that copies it. */
export function copyable(text, what) {
  const code = h("code", { dir: "ltr" }, text);
  const button = h(
    "button",
    { type: "button", class: "copy", "aria-label": `Copy ${what}`, onClick: () => copy(text, code, what) },
    "Copy",
  );
  return h("div", { class: "copyable" }, code, button);
}

async function copy(text, code, what) {
  try {
    await navigator.clipboard.writeText(text);
    notify(`Copied: ${what}`);
  } catch {
    // Without HTTPS there is no clipboard for scripts: leave the rest to the keys.
    getSelection().selectAllChildren(code);
    notify("Selected: press Ctrl+C to copy");
  }
}
