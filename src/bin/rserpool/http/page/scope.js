// This registrar and the others: who is there, whether they agree, and what is the matter.

import { byId, facts, keep, node, rows, say } from "./nodes.js";
import { clock, count, counted, duration, link, peerState, short } from "./words.js";
import * as events from "./events.js";

// What the page shows is old after so long.
const SILENCE_MS = 2000;

const OWN_STATES = {
  ready: ["ready", "good"],
  starting: ["starting", "warn"],
  leaving: ["leaving", "warn"],
};

export function show({ registrar, scope, clock_ms, time }, silent) {
  const peers = scope.registrars;
  const gone = events.goneRegistrars(clock_ms).filter(({ id }) => !peers.some((peer) => peer.id === id));
  const [word, kind] = OWN_STATES[registrar.state] ?? [registrar.state, "warn"];
  say(byId("own-id"), registrar.id);
  say(byId("own-state"), word);
  byId("own-state").className = `state ${kind}`;
  say(byId("version"), `rserpool ${registrar.version}`);
  facts(byId("totals"), [
    ["Pools", count(registrar.pools)],
    ["Elements", count(registrar.elements)],
    ["Associations", count(registrar.associations)],
    ["Subscriptions", count(registrar.subscriptions)],
  ]);
  showRegistrars(registrar, peers, gone, [word, kind]);
  showLive(time, silent);
  showVerdict(problems(registrar, peers, gone, clock_ms, time, silent), registrar, peers);
}

function showLive(time, silent) {
  const lives = silent < SILENCE_MS;
  say(byId("live"), lives ? `live \u00b7 ${clock(time)} UTC` : `not live \u00b7 as of ${clock(time)} UTC`);
  byId("live").className = lives ? "live good" : "live bad";
}

function showRegistrars(own, peers, gone, [word, kind]) {
  const cells = (values) => ({
    kind: values.row,
    cells: [
      { text: values.id, kind: "id" },
      { text: values.state[0], kind: `state ${values.state[1]}`, label: "State" },
      { text: values.address, kind: "address", label: "Address" },
      { text: values.elements, kind: "number", label: "Home of" },
      { text: values.silent, kind: "number", label: "Silent for" },
      { text: values.agrees[0], kind: `state ${values.agrees[1]}`, label: "Elements" },
    ],
  });
  const lines = [
    { id: own.id, state: [word, kind], address: own.enrp, elements: count(own.own_elements), silent: "\u2013", agrees: ["this registrar", "quiet"] },
    ...peers.map((peer) => ({
      id: peer.id, state: peerState(peer), address: plain(peer.address), elements: count(peer.elements), silent: duration(peer.silent_ms),
      agrees: agreement(peer),
    })),
    ...gone.map(({ id, event, by }) => ({
      id, state: ["gone", "bad"], address: `since ${clock(event.time)}`, elements: "\u2013", silent: "\u2013", row: "gone",
      agrees: [by ? `taken over ${by.cause}` : event.cause, "quiet"],
    })),
  ];
  rows(byId("registrars"), lines, (line) => line.id, cells);
  const all = peers.length + 1;
  const differing = peers.filter((peer) => peer.agrees === false).length;
  const unknown = peers.filter((peer) => peer.agrees === null).length;
  let text = `${all} agree`;
  if (peers.length === 0) text = "alone";
  else if (differing > 0) text = `${differing} of ${all} differ`;
  else if (unknown > 0) text = `${unknown} of ${all} not compared yet`;
  say(byId("scope-agrees"), text);
}

// Of {127.0.0.1}:9901 without the braces where there is one address.
const plain = (address) => (address ?? "\u2013").replace(/^\{([^,:]*)\}:/, "$1:").replace(/^\{([^,]*)\}:/, "[$1]:");

function agreement({ agrees }) {
  if (agrees === null) return ["not compared yet", "quiet"];
  return agrees ? ["agree", "good"] : ["differ", "warn"];
}

// What an operator has to know, the worst first.
function problems(registrar, peers, gone, now, time, silent) {
  const found = [];
  const add = (kind, ...parts) => found.push({ kind, parts });
  if (silent >= SILENCE_MS) add("bad", `No news from this registrar for ${duration(silent)}: what stands here is as of ${clock(time)} UTC.`);
  if (registrar.state === "starting") add("warn", "This registrar still learns the handlespace from the others.");
  if (registrar.state === "leaving") add("warn", "This registrar leaves its scope.");
  for (const { id, event, by } of gone) {
    add("bad", `Registrar ${id} is gone since ${clock(event.time)} UTC: ${by ? `taken over ${by.cause}` : event.cause}.`);
  }
  for (const peer of peers) {
    const [word, kind] = peerState(peer);
    if (kind !== "good") add(kind, `Registrar ${peer.id} is ${word}: nothing from it for ${duration(peer.silent_ms)}.`);
    if (peer.agrees === false) add("warn", `Registrar ${peer.id} has other elements than are known here; they are compared.`);
  }
  const lost = events.lostElements(now);
  const last = lost.at(-1);
  if (last) {
    add("warn", `${counted(lost.length, "element was", "elements were")} lost in the last ten minutes and not registered again; the last one `,
      node("a", { href: link(last) }, `${last.element} of ${short(last.pool)}`), ` at ${clock(last.time)} UTC: ${last.cause}.`);
  }
  return found.sort((a, b) => (a.kind === b.kind ? 0 : a.kind === "bad" ? -1 : 1));
}

function showVerdict(found, registrar, peers) {
  const kind = found[0]?.kind ?? "good";
  byId("verdict").className = `verdict ${kind}`;
  const inPools = `${counted(registrar.elements, "element", "elements")} in ${counted(registrar.pools, "pool", "pools")}`;
  const who = peers.length === 0 ? "one registrar knows" : `${peers.length + 1} registrars know`;
  const word = { good: "All is well", warn: "Worth a look", bad: "Something is wrong" }[kind];
  say(byId("verdict-word"), `${word}: ${who} ${inPools}`);
  document.title = `${{ good: "", warn: "(!) ", bad: "(!!) " }[kind]}Registrar ${registrar.id}`;
  const key = ({ parts }) => parts.map((part) => part.textContent ?? part).join("").replace(/\d+(\.\d)? (s|min|h|d)\b/g, "");
  keep(byId("problems"), found, key, () => node("li"), (line, { kind, parts }) => {
    line.className = kind;
    const text = parts.map((part) => part.textContent ?? part).join("");
    if (line.textContent !== text) line.replaceChildren(...parts);
  });
}
