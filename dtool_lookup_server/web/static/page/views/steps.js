/** A filter by steps of something: years, sizes; each a link with its number. */

import { fill, h } from "../dom.js";
import { number } from "../format.js";

const FEW = 6;

/**
 * Return { element, show(steps) }.
 *
 * @param title of the filter: Frozen
 * @param rest elements below the steps
 */
export function stepsFilter(title, rest) {
  let all = false;
  let shown = [];
  const list = h("ul", { class: "steps" });
  const more = h("button", { type: "button", class: "plain", onClick: expand });
  const element = h("fieldset", { class: "facet" }, h("legend", {}, title), list, more, rest);

  function expand() {
    all = !all;
    draw();
  }

  function draw() {
    // Drawing anew must not take the focus from the link that was just followed.
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.step : null;
    const few = shown.filter(({ set }, index) => index < FEW || set);
    more.hidden = shown.length <= few.length && !all;
    more.textContent = all ? "Show fewer" : `Show more (${number(shown.length)})`;
    more.setAttribute("aria-expanded", String(all));
    fill(list, (all ? shown : few).map(step));
    if (focused !== null) [...list.querySelectorAll("a")].find((link) => link.dataset.step === focused)?.focus();
  }

  return {
    element,
    /** @param steps [{ text, count, set, href }]; the href of one that is set takes it away */
    show(steps) {
      shown = steps;
      draw();
    },
  };
}

function step({ text, count, set, href }) {
  return h(
    "li",
    {},
    h("a", { href, "data-step": text, "aria-current": set ? "true" : undefined }, text, h("span", { class: "number" }, number(count))),
  );
}
