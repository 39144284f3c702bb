// What has happened.

import { byId, keep, node, say } from "./nodes.js";
import { clock, count, eventWord, isOrderly, link, short } from "./words.js";

// Events that are kept here, and those that are shown.
const KEPT = 1000;
const SHOWN = 60;
// So many of one kind in a row are one line.
const MANY = 4;
// How long what is bad is worth a word at the top.
const RECENT_MS = 10 * 60 * 1000;

let kept = [];

// New ones have come.
export function hear({ first, left_out, events }) {
  if (first) kept = [];
  if (left_out > 0) kept.push({ number: `before ${events[0]?.number}`, left_out, time: events[0]?.time ?? "" });
  kept.push(...events);
  kept.splice(0, kept.length - KEPT);
  show(byId("events"), grouped(kept).slice(-SHOWN).reverse());
  say(byId("events-none"), kept.length === 0 ? "Nothing yet." : "");
}

// When a registrar goes, thousands of elements may get another home: that is one thing to know.
function grouped(events) {
  const lines = [];
  let run = [];
  const end = () => lines.push(...(run.length > MANY ? [{ ...run[0], ...run.at(-1), number: `from ${run[0].number}`, times: run.length }] : run));
  for (const event of events) {
    const same = run.length === 0 || (run[0].event === event.event && run[0].registrar === event.registrar && event.element !== undefined);
    if (!same) {
      end();
      run = [];
    }
    run.push(event);
  }
  end();
  return lines;
}

// Makes a list show events, the last one first.
export function show(list, events) {
  // After another start of the registrar, numbers begin anew.
  const key = (event) => [event.number, event.event, event.element, event.registrar, event.cause, event.times].join(" ");
  keep(list, events, key, make, () => {});
}

function make(event) {
  if (event.left_out) return node("li", { class: "quiet" }, node("span", { class: "word" }, `\u2026 ${count(event.left_out)} more`));
  const [word, kind] = eventWord(event);
  const line = node("li", { class: kind },
    node("time", { datetime: event.time, title: event.time }, clock(event.time)),
    node("span", { class: "word" }, word));
  const what = node("span", { class: "what" });
  if (event.times) {
    what.append(`${count(event.times)} elements`, event.event === "home_changed" ? " to " : ", home ", node("span", { class: "id" }, event.registrar ?? ""));
  } else if (event.pool !== undefined) {
    what.append(node("a", { href: link(event), class: "id" }, event.element), " of ",
      node("a", { href: link({ pool: event.pool }), class: "pool", title: event.pool }, short(event.pool)));
    if (event.event === "home_changed") what.append(" to ", node("span", { class: "id" }, event.registrar ?? ""));
  } else if (event.registrar !== undefined) {
    what.append("registrar ", node("span", { class: "id" }, event.registrar));
  } else {
    what.append("this registrar");
  }
  line.append(what);
  if (event.cause && !event.times) line.append(node("span", { class: "cause" }, event.cause));
  return line;
}

// Registrars that were peers and are none any more, each with its last event.
export function goneRegistrars(now) {
  const gone = new Map();
  for (const event of recent(now)) {
    if (event.event === "peer_lost") gone.set(event.registrar, { event, by: gone.get(event.registrar)?.by });
    if (event.event === "taken_over") gone.set(event.registrar, { event: gone.get(event.registrar)?.event ?? event, by: event });
    if (event.event === "peer_found") gone.delete(event.registrar);
  }
  return [...gone].map(([id, { event, by }]) => ({ id, event, by }));
}

// Elements that were lost lately and are not back.
export function lostElements(now) {
  const lost = new Map();
  for (const event of recent(now)) {
    const key = `${event.element} ${event.pool}`;
    if (event.event === "removed" && !isOrderly(event)) lost.set(key, event);
    if (event.event === "registered") lost.delete(key);
  }
  return [...lost.values()];
}

const recent = (now) => kept.filter((event) => !event.left_out && now - Date.parse(event.time) < RECENT_MS);
