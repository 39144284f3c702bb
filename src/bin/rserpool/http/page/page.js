// Puts the page together: what the address asks for, and what the registrar tells as long as it is open.

import { byId } from "./nodes.js";
import * as words from "./words.js";
import * as graphs from "./graphs.js";
import * as events from "./events.js";
import * as scope from "./scope.js";
import * as element from "./element.js";
import { List, elementCells, poolCells } from "./lists.js";

// After a connection that has failed.
const PAUSE_MS = 2000;
// How often it is looked whether there is any news.
const LOOK_MS = 1000;

const pools = new List("pools", 10, ({ pool }) => pool, poolCells);
const elements = new List("elements", 50, ({ pool, element }) => `${element.id} ${pool}`, elementCells);
let state = null;
let heard = 0;

function follow() {
  const { pool, element: id, search } = words.linked(location.hash);
  const isElement = pool !== undefined && id !== undefined;
  byId("columns").classList.toggle("of-element", isElement);
  byId("pools").hidden = pool !== undefined;
  byId("elements").hidden = isElement;
  element.want(pool, isElement ? id : undefined);
  if (byId("search").value !== search) byId("search").value = search;
  pools.want({ search: pool === undefined ? search : "" });
  if (!isElement) elements.want({ pool, search });
}

function refresh() {
  element.refresh();
  if (!byId("elements").hidden) elements.refresh();
  if (!byId("pools").hidden) pools.refresh();
}

function tell(news) {
  state = news;
  heard = performance.now();
  pools.total = news.registrar.pools;
  elements.total = news.registrar.elements;
  scope.show(news, 0);
  if (!document.hidden) graphs.see(news.clock_ms, news.counters);
  refresh();
}

function listen() {
  const source = new EventSource("/api/v1/live");
  source.addEventListener("state", ({ data }) => tell(JSON.parse(data)));
  source.addEventListener("events", ({ data }) => events.hear(JSON.parse(data)));
  // The browser tries again by itself only where the connection was good once.
  source.addEventListener("error", () => {
    source.close();
    graphs.forget();
    setTimeout(listen, PAUSE_MS);
  });
}

function search(event) {
  event.preventDefault();
  const { pool } = words.linked(location.hash);
  history.replaceState(null, "", words.link({ pool, search: byId("search").value.trim() }));
  follow();
}

function onKey(event) {
  const types = event.target instanceof HTMLInputElement;
  if (event.key === "/" && !types && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    if (byId("elements").hidden) location.hash = "";
    byId("search").focus();
  }
}

graphs.begin();
byId("filter").addEventListener("submit", search);
byId("search").addEventListener("input", search);
window.addEventListener("hashchange", follow);
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", graphs.forget);
setInterval(() => {
  if (state && performance.now() - heard > LOOK_MS) scope.show(state, performance.now() - heard);
}, LOOK_MS);
follow();
listen();
