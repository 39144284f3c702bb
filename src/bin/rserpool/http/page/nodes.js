// Nodes of the page. What others have chosen, as names of pools, becomes text here and never markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

// A node with attributes; children are nodes or texts.
export function node(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function drawing(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Changes a text only where it is another one, so that what somebody has selected stays.
export function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

function setAttribute(where, name, value) {
  if (value === undefined || value === null) where.removeAttribute(name);
  else if (where.getAttribute(name) !== value) where.setAttribute(name, value);
}

// Makes the children of a node those of `items`, in their order. A child stays as long as its item is there, whatever changes in it: who
// has come to it by the keyboard is not thrown out.
export function keep(parent, items, keyOf, make, change) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = known.get(key);
    known.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    change(child, item);
  }
  for (const child of known.values()) child.remove();
}

// Shows a cell: its text, where it leads, what kind it is, and how its column is called where there is no room for a head.
function fillCell(cell, { text, href, kind, label, title }) {
  setAttribute(cell, "class", kind);
  setAttribute(cell, "data-label", label);
  setAttribute(cell, "title", title);
  let inner = cell.firstElementChild;
  if (!inner || (inner.localName === "a") !== Boolean(href)) {
    inner = node(href ? "a" : "span");
    cell.replaceChildren(inner);
  }
  if (href) setAttribute(inner, "href", href);
  say(inner, text);
}

// Makes the rows of a table those of `items`.
export function rows(body, items, keyOf, cellsOf) {
  keep(body, items, keyOf, () => node("tr"), (row, item) => {
    const { cells, kind } = cellsOf(item);
    setAttribute(row, "class", kind);
    while (row.children.length < cells.length) row.append(node("td"));
    cells.forEach((cell, at) => fillCell(row.children[at], cell));
  });
}

// Names and values.
export function facts(list, pairs) {
  keep(list, pairs, ([name]) => name, () => node("div", {}, node("dt"), node("dd")), (pair, [name, text, kind]) => {
    say(pair.firstElementChild, name);
    say(pair.lastElementChild, text);
    setAttribute(pair.lastElementChild, "class", kind);
  });
}
