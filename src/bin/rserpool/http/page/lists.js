// Pools and elements, a page of them at a time.

import { byId, node, rows, say } from "./nodes.js";
import * as words from "./words.js";

export class List {
  // `name` is that of its part of the page and of what the registrar calls it.
  constructor(name, size, keyOf, cellsOf) {
    Object.assign(this, { name, size, keyOf, cellsOf });
    this.query = {};
    // Where the pages up to this one begin.
    this.begins = [0];
    this.next = null;
    this.total = null;
    this.asking = null;
    this.forward = this.button("Next", () => this.turn(this.next));
    this.backward = this.button("Previous", () => this.turn(null));
    this.where = node("span", { role: "status" });
    byId(`${name}-pages`).append(this.backward, this.where, this.forward);
  }

  button(text, turn) {
    const made = node("button", { type: "button" }, text);
    made.addEventListener("click", turn);
    return made;
  }

  turn(next) {
    if (next === null) this.begins.pop();
    else this.begins.push(next);
    if (this.begins.length === 0) this.begins = [0];
    this.ask();
  }

  // Shows what this asks for, from its first page on.
  want(query) {
    if (JSON.stringify(query) === JSON.stringify(this.query) && this.items) return;
    this.query = query;
    this.begins = [0];
    this.ask();
  }

  // Asks for the page that is shown, once more. An older question is not waited for.
  async ask() {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    const begun = performance.now();
    try {
      const { status, items, next } = await this.fetched(asking.signal);
      if (this.asking !== asking) return;
      this.items = items;
      this.next = next;
      this.status = status;
      this.show();
    } catch (error) {
      if (error.name !== "AbortError") this.status = 0;
    } finally {
      if (this.asking === asking) this.asking = null;
      this.took = performance.now() - begun;
      this.asked = performance.now();
    }
  }

  // Asks again when that is due: each second, and less often where it takes long.
  refresh() {
    if (this.asking || document.hidden) return;
    const pause = Math.max(900, 20 * (this.took ?? 0));
    if (performance.now() - (this.asked ?? 0) >= pause) this.ask();
  }

  async fetched(signal) {
    const { pool, search } = this.query;
    const parts = [`limit=${this.size}`, `after=${this.begins.at(-1)}`];
    if (pool !== undefined) parts.push("pool=" + words.escaped(pool));
    if (search) parts.push("search=" + encodeURIComponent(search));
    const answer = await fetch(`/api/v1/${this.name}?${parts.join("&")}`, { signal });
    if (!answer.ok) return { status: answer.status, items: [], next: null };
    const found = await answer.json();
    return { status: answer.status, items: found[this.name], next: found.next };
  }

  show() {
    rows(byId(`${this.name}-rows`), this.items, this.keyOf, this.cellsOf);
    const { pool, search } = this.query;
    const first = (this.begins.length - 1) * this.size + 1;
    const last = first + this.items.length - 1;
    const isPart = this.next !== null || this.begins.length > 1;
    const numbers = this.items.length > 0 ? `${words.count(first)} to ${words.count(last)}` : "";
    const of = this.total !== null && !search && pool === undefined ? ` of ${words.count(this.total)}` : "";
    say(this.where, isPart ? numbers + of : "");
    this.forward.disabled = this.next === null;
    this.backward.disabled = this.begins.length === 1;
    byId(`${this.name}-pages`).hidden = !isPart;
    say(byId(`${this.name}-count`), [pool === undefined ? "" : `of pool ${this.items[0]?.pool ?? pool}`, search ? `with \u201c${search}\u201d` : ""].filter(Boolean).join(", "));
    say(byId(`${this.name}-none`), this.items.length > 0 ? "" : nothing(this.name, pool, search, this.next));
  }
}

function nothing(name, pool, search, next) {
  if (search && next !== null) return "None so far: the next page looks further.";
  if (search) return `No ${name.slice(0, -1)} has this in it.`;
  return pool === undefined ? `No ${name} are registered.` : "There is no such pool.";
}

export function poolCells({ pool, policy, elements }) {
  return {
    cells: [
      { text: pool, href: words.link({ pool }), kind: "pool" },
      { text: words.policyName(policy), kind: "policy", label: "Policy" },
      { text: words.count(elements), kind: "number", label: "Elements" },
    ],
  };
}

export function elementCells({ pool, element, alive }) {
  const [state, kind] = words.elementState(alive);
  const id = words.id(element.id);
  return {
    cells: [
      { text: id, href: words.link({ pool, element: id }), kind: "id" },
      { text: pool, href: words.link({ pool }), kind: "pool", label: "Pool" },
      { text: state, kind: `state ${kind}`, label: "State" },
      { text: words.place(element.user_transport), kind: "address", label: "Address" },
      { text: words.policy(element.policy), kind: "policy", label: "Policy" },
      { text: words.load(element.policy), kind: "number", label: "Load" },
      { text: words.id(element.home_registrar), kind: "id", label: "Home" },
      { text: words.duration(alive.known_ms), kind: "number", label: "Known for" },
      { text: words.duration(alive.last_keep_alive_ms), kind: "number", label: "Keep-alive" },
    ],
  };
}
