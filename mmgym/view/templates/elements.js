// Elements made of text alone, and how values are written.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

/** An element. Children that are no nodes become text: nothing that was written by others is ever read as markup. */
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "line", "circle", "rect", "path", "polyline", "polygon", "text", "g"].includes(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

/** Put new children in place of the old ones; what has an id keeps the focus, and how far it is open and scrolled. */
function redraw(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement.id : "";
  const before = [...parent.querySelectorAll("details[id], .scroll[id], .turns[id], pre[id]")];
  const states = before.map(({id, open, scrollLeft, scrollTop}) => [id, {...(open === undefined ? {} : {open}), scrollLeft, scrollTop}]);
  parent.replaceChildren(...children);
  for (const [id, state] of states) if (byId(id)) Object.assign(byId(id), state);
  if (focused) byId(focused)?.focus({preventScroll: true});
}

const byId = id => document.getElementById(id);
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;
const number = (value, digits = 2) => value === null || value === undefined ? "–" : Number(value).toLocaleString("en", {maximumFractionDigits: digits});
const interval = estimate => `${(100 * estimate[1]).toFixed(1)} to ${percent(estimate[2], 1)}`;
const shortName = name => name.replace(/^mmgym\//, "");
const runClass = run => `run${run % 6}`;

/** What is printable of a text: letters that turn the order of writing around, or cannot be seen, are spelled out. */
function readable(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function sayCall(call) {
  const values = Object.entries(call.arguments || {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return readable(`${call.name}(${values.join(", ")})`);
}
