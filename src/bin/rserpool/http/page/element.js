// An element's own page: what it is, how it stands, and what has happened to it.

import { byId, facts, say } from "./nodes.js";
import { show } from "./events.js";
import * as words from "./words.js";

// Events of it that are shown.
const HISTORY = 200;

let wanted = null;
let asking = false;

// Shows the element of this name in this pool; none: no element's page.
export function want(pool, element) {
  const key = element === undefined ? null : { pool, element };
  const changed = JSON.stringify(key) !== JSON.stringify(wanted);
  wanted = key;
  byId("one").hidden = key === null;
  if (key === null || !changed) return;
  entitle(pool);
  facts(byId("one-facts"), []);
  show(byId("one-events"), []);
  byId("one-back").href = words.link({ pool });
  refresh();
}

// In the address, the name of a pool has more signs escaped than where the registrar tells it.
function entitle(pool) {
  say(byId("one-title"), `Element ${wanted.element} of ${pool}`);
  say(byId("one-back"), `All of pool ${pool}`);
}

export async function refresh() {
  if (wanted === null || asking || document.hidden) return;
  const { pool, element } = wanted;
  const query = `pool=${words.escaped(pool)}&element=${encodeURIComponent(element)}`;
  asking = true;
  try {
    const [now, history] = await Promise.all([fetch(`/api/v1/elements?${query}`), fetch(`/api/v1/events?${query}&last=${HISTORY}`)]);
    const found = now.ok ? (await now.json()).elements[0] : null;
    const happened = history.ok ? (await history.json()).events : [];
    if (wanted?.pool !== pool || wanted?.element !== element) return;
    entitle(found?.pool ?? happened[0]?.pool ?? pool);
    facts(byId("one-facts"), found ? told(found) : [["State", "not registered", "state bad"]]);
    show(byId("one-events"), happened.reverse());
    say(byId("one-none"), happened.length > 0 ? "" : "Nothing is remembered of it.");
  } catch {
    // The page says that nobody answers.
  } finally {
    asking = false;
  }
}

function told({ element, alive }) {
  const [state, kind] = words.elementState(alive);
  const life = element.registration_life_s;
  return [
    ["State", state, `state ${kind}`],
    ["Address", words.place(element.user_transport)],
    ["Policy", words.policy(element.policy)],
    ["Load", words.load(element.policy)],
    ["Home registrar", words.id(element.home_registrar), "id"],
    ["Known here for", words.duration(alive.known_ms)],
    ["Last keep-alive", alive.last_keep_alive_ms === null ? "none from here" : `${words.duration(alive.last_keep_alive_ms)} ago`],
    ["Reported unreachable", `${alive.reports}\u00d7`],
    ["Registration ends in", words.duration(alive.ends_in_ms)],
    ["Registration life", life === null ? "without end" : words.duration(life * 1000)],
  ];
}
