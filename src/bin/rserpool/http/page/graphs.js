// Rates as small graphs.

import { byId, drawing, node, say } from "./nodes.js";
import { rate } from "./words.js";

const GRAPHS = [
  ["resolutions", "Resolutions"],
  ["registrations", "Registrations"],
  ["lost", "Elements lost"],
  ["refused", "Refused"],
];
// Values that are kept: two minutes, twice a second.
const KEPT = 240;
// A rate is that of the last second.
const SECOND_MS = 1000;
const [WIDTH, HEIGHT] = [KEPT, 44];

const samples = [];
const drawn = new Map();

function make(name, title) {
  const picture = drawing("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const [area, line] = [drawing("path", { class: "area" }), drawing("path", { class: "line" })];
  picture.append(area, line);
  const [now, most] = [node("b"), node("small")];
  const figure = node("figure", { class: `graph ${name}` }, node("figcaption", {}, title, now), picture, most);
  byId("graphs").append(figure);
  return { picture, area, line, now, most, title };
}

export function begin() {
  for (const [name, title] of GRAPHS) drawn.set(name, make(name, title));
}

// Another registrar answers, or the same one after a pause: its counters say nothing about the time between.
export function forget() {
  samples.length = 0;
}

// How things stand at a time; counters only grow.
export function see(at, counters) {
  const last = samples.at(-1);
  if (last && GRAPHS.some(([name]) => counters[name] < last.counters[name])) forget();
  samples.push({ at, counters });
  if (samples.length > KEPT + 3) samples.shift();
  for (const [name] of GRAPHS) draw(drawn.get(name), rates(name));
}

function rates(name) {
  const found = [];
  let before = 0;
  for (let at = 1; at < samples.length; at += 1) {
    while (before + 1 < at && samples[at].at - samples[before + 1].at >= SECOND_MS) before += 1;
    const time = samples[at].at - samples[before].at;
    found.push(time > 0 ? ((samples[at].counters[name] - samples[before].counters[name]) * 1000) / time : 0);
  }
  return found.slice(-KEPT);
}

function draw({ picture, area, line, now, most, title }, values) {
  const highest = Math.max(0, ...values);
  const top = highest || 1;
  const first = WIDTH - values.length;
  const point = (value, at) => `${first + at} ${(HEIGHT - 1 - (value / top) * (HEIGHT - 4)).toFixed(1)}`;
  const path = values.length > 1 ? "M" + values.map(point).join("L") : "";
  line.setAttribute("d", path);
  area.setAttribute("d", path && `${path}L${WIDTH - 1} ${HEIGHT}L${first} ${HEIGHT}Z`);
  const latest = values.at(-1) ?? 0;
  say(now, rate(latest));
  say(most, `most ${rate(highest)}`);
  picture.setAttribute("aria-label", `${title} a second: now ${rate(latest)}, at most ${rate(highest)} in the last two minutes`);
}
