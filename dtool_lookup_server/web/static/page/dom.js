/**
 * Elements made from data. Text is only ever set as text: nothing that a dataset
 * says can become markup.
 */

const SVG = "http://www.w3.org/2000/svg";

/** Names of attributes that are set as they are, whatever they look like. */
const EVENT = /^on[A-Z]/;

/**
 * Return an element: h("a", { href, class: "quiet", onClick }, "text", element).
 *
 * Attributes that are undefined, null or false are left out; true sets an empty one.
 */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Return an SVG element, as h() does. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (EVENT.test(name)) {
      element.addEventListener(name.slice(2).toLowerCase(), value);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...present(children));
  return element;
}

/** Put children in place of what an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child || child === 0 || child === "");
}

let lastId = 0;

/** Return an id that no other element has. */
export function newId(stem) {
  lastId += 1;
  return `${stem}-${lastId}`;
}

/** Return text of a dataset in an element that finds its own direction. */
export function own(text, attributes = {}) {
  return h("bdi", attributes, text);
}

/** Return a button that is only a symbol to the eye, and has a name. */
export function iconButton(name, symbol, attributes = {}) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": name, title: name, ...attributes },
    h("span", { "aria-hidden": "true" }, symbol),
  );
}

/** Move the focus to an element that need not be one of the tab order. */
export function focusOn(element) {
  if (!element.matches("a[href], button, input, select, textarea, summary")) {
    element.setAttribute("tabindex", "-1");
  }
  element.focus();
}
