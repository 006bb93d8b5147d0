// What the other scripts share: elements made of text alone, the index, and episodes that are read when looked at.
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

let index = JSON.parse(byId("data").textContent);
let column = {};
let keys = new Map();

/** Take up an index: the first one, or a newer one of a run that is going on. */
function takeIndex(newer) {
  index = newer;
  column = Object.fromEntries(index.columns.map((name, place) => [name, place]));
  keys = new Map(index.episodes.map((episode, place) => [keyOf(episode), place]));
}

const keyOf = episode => `${episode[column.run]}-${episode[column.index]}`;
const outcomeOf = episode => index.outcomes[episode[column.outcome]];

// --- shards: files of some episodes each ------------------------------------------------------------------------

const KEPT_SHARDS = 16;
const shards = new Map();
const arriving = new Map();

/** Files beside the page call this. */
window.mmgymShard = (place, text) => arriving.get(place)?.(JSON.parse(text));

async function fetchShard(place) {
  const [run, name] = index.shards[place];
  if (index.files === "inside") return JSON.parse(byId(`shard-${place}`).textContent);
  if (index.files === "served") {
    const answer = await fetch(`shards/${run}/${encodeURIComponent(name)}`);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer.json();
  }
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    arriving.set(place, resolve);
    script.onload = () => script.remove();
    script.onerror = () => reject(new Error(`${index.folder}/e${place}.js is missing beside this page`));
    script.src = `${index.folder}/e${place}.js`;
    document.head.append(script);
  });
}

/** What was played in an episode; at most KEPT_SHARDS files are held at once. */
async function loadEpisode(episode) {
  const place = episode[column.shard];
  const key = index.shards[place].join("/");
  if (!shards.has(key)) shards.set(key, fetchShard(place));
  const promise = shards.get(key);
  shards.delete(key);
  shards.set(key, promise);
  if (shards.size > KEPT_SHARDS) shards.delete(shards.keys().next().value);
  try {
    const shard = await promise;
    return {...shard.episodes[episode[column.row]], picture: digest => pictureOf(shard, place, digest)};
  } catch (problem) {
    shards.delete(key);
    throw problem;
  }
}

function pictureOf(shard, place, digest) {
  if (index.files === "inside") return `data:image/png;base64,${shard.pictures[digest]}`;
  if (index.files === "served") return `pictures/${index.shards[place][0]}/${encodeURIComponent(index.shards[place][1])}/${digest}.png`;
  return `${index.folder}/${digest}.png`;
}
