/** What is said to those who do not see the page, and shown for a moment to the others. */

const SHOWN_MS = 4000;

let timer;

/** Say something through the page's live region; nothing is seen of it. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** Show a short message at the foot of the page, and say it. */
export function notify(text) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => {
    toast.hidden = true;
  }, SHOWN_MS);
  say(text);
}
