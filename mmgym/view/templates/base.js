// What the other scripts of the report share: the index, and episodes that are read when looked at.
"use strict";

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

async function fetchShard(place, path) {
  if (index.files === "inside") return JSON.parse(byId(`shard-${place}`).textContent);
  if (index.files === "served") {
    const answer = await fetch(`shards/${path}`);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    arriving.set(place, resolve);
    const end = () => { arriving.delete(place); script.remove(); };
    script.onload = end;
    script.onerror = () => { end(); reject(new Error(`${index.folder}/e${place}.js is missing beside this page`)); };
    script.src = `${index.folder}/e${place}.js`;
    document.head.append(script);
  });
}

/** What was played in an episode; at most KEPT_SHARDS files are held at once. A shard's place is its own only in this
 * index, and a training run writes its files anew: both may have changed before the last picture is asked for. */
async function loadEpisode(episode) {
  const place = episode[column.shard], [run, name] = index.shards[place];
  const path = `${run}/${encodeURIComponent(name)}`, key = `${path}/${index.runs[run].stamp ?? ""}`;
  if (!shards.has(key)) shards.set(key, fetchShard(place, path));
  const promise = shards.get(key);
  shards.delete(key);
  shards.set(key, promise);
  if (shards.size > KEPT_SHARDS) shards.delete(shards.keys().next().value);
  try {
    const shard = await promise;
    return {...shard.episodes[episode[column.row]], picture: digest => pictureOf(shard, path, digest)};
  } catch (problem) {
    shards.delete(key);
    throw problem;
  }
}

function pictureOf(shard, path, digest) {
  if (index.files === "inside") return `data:image/png;base64,${shard.pictures[digest]}`;
  if (index.files === "served") return `pictures/${path}/${digest}.png`;
  return `${index.folder}/${digest}.png`;
}
