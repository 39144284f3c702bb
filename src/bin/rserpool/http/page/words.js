// Numbers and states in words.

export const id = (number) => "0x" + number.toString(16).padStart(8, "0");

export const count = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u2009");

export const counted = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

// How long; the two largest units.
export function duration(ms) {
  if (ms === null || ms === undefined) return "\u2013";
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// 03:14:15 of 2026-01-02T03:14:15.926Z
export const clock = (time) => time.slice(11, 19);

export const rate = (number) => (number < 9.95 ? number.toFixed(1) : count(Math.round(number)));

export function place({ protocol, port, addresses }) {
  if (protocol === "opaque") return "opaque";
  const shown = addresses.map((address) => (address.includes(":") ? `[${address}]` : address));
  return `${protocol} ${shown.join(", ")}:${port}`;
}

// A policy with its values, other than the load: 2^32 - 1 is all of it (RFC 5356 section 4).
export function policy({ type, name, ...values }) {
  if (name === null) return `policy ${id(type)}`;
  const others = Object.entries(values).filter(([value]) => value !== "load");
  return [policyName(name), ...others.map(([value, number]) => `${value.replaceAll("_", " ")} ${count(number)}`)].join(", ");
}

// What elements of a pool have in common of WeightedRoundRobin(weight 3).
export const policyName = (text) => text.replace(/\(.*/, "").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();

// Enough of a long name to know it again.
export const short = (name) => (name.length > 60 ? `${name.slice(0, 59)}\u2026` : name);

export const load = ({ load }) => (load === undefined ? "\u2013" : `${((load / 0xffffffff) * 100).toFixed(1)} %`);

// An answer that is on its way is nothing to worry about for so long.
const USUAL_ANSWER_MS = 250;

// How an element stands: a word, and how bad that is.
export function elementState(alive) {
  if (alive.unanswered_ms > USUAL_ANSWER_MS) return [`no answer for ${duration(alive.unanswered_ms)}`, "warn"];
  if (alive.reports > 0) return [`reported ${alive.reports}\u00d7`, "warn"];
  switch (alive.state) {
    case "registered": return ["registered", "good"];
    case "watched_by_its_home": return ["at its home", "quiet"];
    case "contested": return ["contested", "warn"];
    case "asked_to_come": return ["being taken over", "warn"];
    case "adopted": return ["taken over", "good"];
    default: return ["not connected", "warn"];
  }
}

export function peerState({ state, connected }) {
  if (state === "suspected") return ["suspected", "warn"];
  if (state === "dead" || state === "not_active") return ["dead", "bad"];
  return connected ? ["active", "good"] : ["not connected", "warn"];
}

const EVENTS = {
  ready: ["ready", "good"],
  leaving: ["leaving", "warn"],
  reconfigured: ["reconfigured", "quiet"],
  registered: ["registered", "good"],
  changed: ["changed", "quiet"],
  removed: ["removed", "bad"],
  refused: ["refused", "warn"],
  home_changed: ["new home", "quiet"],
  peer_found: ["peer found", "good"],
  peer_lost: ["peer lost", "bad"],
  takeover_wanted: ["takeover wanted", "warn"],
  takeover_given_up: ["takeover given up", "quiet"],
  taken_over: ["taken over", "warn"],
  association_refused: ["association refused", "warn"],
};

export function eventWord(event) {
  if (event.event === "removed" && isOrderly(event)) return ["left", "quiet"];
  return EVENTS[event.event] ?? [event.event, "quiet"];
}

// Whether an element has gone by its own wish, as far as can be told: its home says only that it is gone.
export const isOrderly = ({ cause }) => cause.startsWith("it has de-registered") || cause.startsWith("its home ");

// Where the page shows an element, a pool, or everything with a text in it. Names of pools are escaped as in URIs already; other signs that
// mean something there are added.
export function link({ pool, element, search }) {
  const parts = [];
  if (pool !== undefined) parts.push("pool=" + escaped(pool));
  if (element !== undefined) parts.push("element=" + element);
  if (search) parts.push("search=" + encodeURIComponent(search));
  return "#" + parts.join("&");
}

export const escaped = (name) => name.replace(/[^%]+/g, encodeURIComponent);

// The opposite: what stands behind # in the address.
export function linked(hash) {
  const parts = hash.replace(/^#/, "").split("&").map((part) => part.split("="));
  const value = (name) => parts.find(([known]) => known === name)?.[1];
  const search = decoded(value("search") ?? "");
  return { pool: value("pool"), element: value("element"), search };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
