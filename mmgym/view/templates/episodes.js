// The second view: find an episode, and go through it turn by turn, beside another agent's on the same instance.
"use strict";

const ROW = 46;
const turnsOf = count => `${count} ${count === 1 ? "turn" : "turns"}`;
// `selected` and `partner` are keys, for places change when a run goes on; `drawn` is what the viewer shows
const view = {found: [], selected: null, turn: 0, beside: null, expert: true, numbers: false, read: true, played: null, other: null, partner: null, drawn: []};
const FILTERS = ["text", "run", "env", "level", "outcome", "order"];
const ORDERS = {"": "as played", turns: "longest first", low: "lowest return first", tokens: "most tokens first"};
const UNSOLVED = "unsolved";

// --- filters -----------------------------------------------------------------------------------------------------

function fillFilters() {
  const choices = {
    run: index.runs.map((run, place) => [place, run.name]),
    env: index.environments.map(name => [name, shortName(name)]),
    level: [...new Set(index.episodes.map(episode => episode[column.level]))].sort((a, b) => a - b).map(level => [level, `level ${level}`]),
    outcome: [[UNSOLVED, "not solved"], ...index.outcomes.map(name => [name, name]), ["invalid", "with invalid turns"]],
    order: Object.entries(ORDERS),
  };
  for (const [name, options] of Object.entries(choices)) {
    const select = byId(`filter-${name}`), before = select.value;
    const all = name === "order" ? [] : [["", "all"]];
    const wanted = [...all, ...options].map(([value, text]) => make("option", {value}, text));
    if (wanted.length === select.options.length && wanted.every((option, place) => option.isEqualNode(select.options[place]))) continue;
    select.replaceChildren(...wanted);
    select.value = [...select.options].some(option => option.value === before) ? before : "";
  }
}

const filterValue = name => byId(`filter-${name}`).value;

function openFiltered(values) {
  for (const name of FILTERS) byId(`filter-${name}`).value = values[name] ?? "";
  filter();
  location.hash = "episodes";
  select(view.found[0] ?? null);
}

/** The places of the episodes that the filters leave, in order. */
function filter() {
  const {run, env, level, outcome, seed, turns, tokens, invalid, note} = column;
  const words = filterValue("text").toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = {[run]: filterValue("run"), [env]: filterValue("env") && index.environments.indexOf(filterValue("env")), [level]: filterValue("level")};
  const end = filterValue("outcome"), solved = index.outcomes.indexOf("solved");
  const names = index.environments.map(name => name.toLowerCase()), agents = index.runs.map(one => one.name.toLowerCase());
  const fits = episode => {
    for (const place in wanted) if (wanted[place] !== "" && episode[place] !== Number(wanted[place])) return false;
    if (end === UNSOLVED && episode[outcome] === solved) return false;
    if (end === "invalid" && !episode[invalid]) return false;
    if (end && end !== UNSOLVED && end !== "invalid" && index.outcomes[episode[outcome]] !== end) return false;
    if (!words.length) return true;
    const said = `${names[episode[env]]} ${agents[episode[run]]} level ${episode[level]} ${index.splits[episode[column.split]]} ${episode[seed]} ${index.outcomes[episode[outcome]]} ${episode[note].toLowerCase()}`;
    return words.every(word => said.includes(word));
  };
  const found = [];
  index.episodes.forEach((episode, place) => { if (fits(episode)) found.push(place); });
  const by = {turns: e => -e[turns], low: e => e[column.return] ?? 0, tokens: e => -e[tokens]}[filterValue("order")];
  if (by) found.sort((a, b) => by(index.episodes[a]) - by(index.episodes[b]));
  view.found = found;
  byId("count").textContent = `${number(found.length, 0)} of ${number(index.episodes.length, 0)} episodes`;
  drawList();
}

// --- the list: only the rows in sight exist ----------------------------------------------------------------------

function drawList() {
  const list = byId("list"), rows = byId("rows");
  rows.style.height = `${ROW * view.found.length}px`;
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
  const last = Math.min(view.found.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
  rows.replaceChildren(...view.found.slice(first, last).map((place, offset) => row(place, first + offset)));
  const place = keys.get(view.selected), selected = view.found.indexOf(place);
  if (selected >= first && selected < last) list.setAttribute("aria-activedescendant", `row-${place}`);
  else list.removeAttribute("aria-activedescendant");
}

function row(place, position) {
  const episode = index.episodes[place], end = outcomeOf(episode);
  const element = make("div", {class: "row", id: `row-${place}`, role: "option", "aria-selected": String(keyOf(episode) === view.selected), "aria-setsize": view.found.length, "aria-posinset": position + 1, onclick: () => select(place)},
    make("span", {class: "what"}, shortName(index.environments[episode[column.env]])),
    make("span", {class: `mark ${end.replaceAll(" ", "-")}`}, end),
    make("span", {class: "minor"}, `${index.runs[episode[column.run]].name}, level ${episode[column.level]}, seed ${episode[column.seed]}${episode[column.repeat] ? `, repeat ${episode[column.repeat]}` : ""}`),
    make("span", {class: "minor"}, `${turnsOf(episode[column.turns])}, ${number(episode[column.return])}`));
  element.style.top = `${ROW * position}px`;
  return element;
}

function keepInSight() {
  const list = byId("list"), top = ROW * view.found.indexOf(keys.get(view.selected));
  if (top < 0) return;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
}

// --- an episode --------------------------------------------------------------------------------------------------

/** Show an episode, and in the address which one. */
async function select(place, turn = 0) {
  view.selected = place === null ? null : keyOf(index.episodes[place]);
  view.turn = turn;
  keepInSight();
  drawList();
  writeAddress();
  await showEpisode();
}

let writing = 0;

/** Name the episode and its turn in the address, once they stay: browsers stop pages that change it too often. */
function writeAddress() {
  clearTimeout(writing);
  writing = setTimeout(() => {
    if (byId("episodes").hidden || view.selected === null) return;
    history.replaceState(null, "", `#episode=${view.selected}${view.turn ? `&turn=${view.turn + 1}` : ""}`);
  }, 100);
}

/** The keys of the episodes of other agents on the same instance, by run. */
const partners = episode => {
  const {run, instance, repeat} = column;
  const found = new Map();
  index.episodes.forEach(other => {
    if (other[instance] !== episode[instance] || other[run] === episode[run]) return;
    if (!found.has(other[run]) || other[repeat] === episode[repeat]) found.set(other[run], keyOf(other));
  });
  return found;
};

/** Load what is looked at and draw it; after news only if it is not what is drawn already. */
async function showEpisode(afterNews = false) {
  const {selected, beside} = view, viewer = byId("viewer");
  const isWanted = () => view.selected === selected && view.beside === beside;
  if (selected === null) {
    view.drawn = [];
    viewer.replaceChildren(make("p", {class: "empty"}, index.episodes.length ? "No episode fits these filters." : "No episode has been played yet."));
    return;
  }
  const episodeOf = key => index.episodes[keys.get(key)], others = partners(episodeOf(selected));
  const partner = others.get(beside) ?? null;
  try {
    const [played, other] = await Promise.all([loadEpisode(episodeOf(selected)), partner === null ? null : loadEpisode(episodeOf(partner))]);
    if (!isWanted()) return;
    Object.assign(view, {played, other, partner, others});
    const shown = [selected, played.turns, other?.turns, ...others.keys()];
    if (afterNews && shown.length === view.drawn.length && shown.every((part, place) => part === view.drawn[place])) return;
    view.drawn = shown;
    view.turn = Math.min(view.turn, lastStep());
    drawEpisode();
  } catch (problem) {
    if (!isWanted()) return;
    view.drawn = [];
    viewer.replaceChildren(make("p", {class: "fault"}, `This episode cannot be shown: ${problem.message}`));
  }
}

const lastStep = () => Math.max(view.played.turns.length, view.other ? view.other.turns.length : 0);

function goTo(turn) {
  if (!view.played) return;
  view.turn = Math.max(0, Math.min(turn, lastStep()));
  drawEpisode();
}

function drawEpisode() {
  if (view.drawn[0] !== view.selected) return;  // what is loaded is another episode's still
  const episode = index.episodes[keys.get(view.selected)], end = outcomeOf(episode);
  const expected = episode[column.expertSteps] === null ? "" : ` (expert: ${episode[column.expertSteps]})`;
  const head = make("div", {},
    make("h2", {}, shortName(index.environments[episode[column.env]]), " ", make("span", {class: `mark ${end.replaceAll(" ", "-")}`}, end)),
    make("p", {class: "soft"}, `Episode ${episode[column.index]}: level ${episode[column.level]}, ${index.splits[episode[column.split]]} split, seed ${episode[column.seed]}. ${turnsOf(episode[column.turns])}${expected}, return ${number(episode[column.return])}.`));
  const two = view.other !== null;
  const sides = make("div", {class: two ? "sides two" : "sides"}, side(view.selected, view.played, two), two ? side(view.partner, view.other, two) : null);
  redraw(byId("viewer"), head, toolbar(), turnStrip(), sides);
  writeAddress();
}

function toolbar() {
  const compare = make("select", {id: "compare", onchange: event => { view.beside = event.target.value === "" ? null : Number(event.target.value); showEpisode(); }},
    make("option", {value: ""}, view.others.size ? "nobody" : "nobody else played it"),
    ...[...view.others.keys()].map(run => make("option", {value: run}, index.runs[run].name)));
  compare.value = view.other ? String(view.beside) : "";
  compare.disabled = !view.others.size;
  const toggle = (id, name, text) => make("button", {id, type: "button", "aria-pressed": String(view[name]), onclick: () => { view[name] = !view[name]; drawEpisode(); }}, text);
  return make("div", {class: "toolbar"},
    make("button", {id: "turn-before", type: "button", disabled: view.turn === 0, onclick: () => goTo(view.turn - 1)}, "← Turn"),
    make("button", {id: "turn-after", type: "button", disabled: view.turn === lastStep(), onclick: () => goTo(view.turn + 1)}, "Turn →"),
    toggle("expert", "expert", "Expert's move"),
    make("label", {}, "Compare with", compare));
}

function turnStrip() {
  const played = view.played.turns, buttons = [];
  for (let turn = 0; turn <= lastStep(); turn++) {
    const own = played[turn], kinds = [];
    if (own?.reward > 0) kinds.push("gain");
    if (own?.reward < 0) kinds.push("loss");
    if (own && own.terms.valid === 0) kinds.push("invalid");
    const name = turn === lastStep() ? "end" : String(turn + 1);
    const label = turn === lastStep() ? "How it ended" : `Turn ${turn + 1}${own ? `, reward ${number(own.reward)}` : ""}${kinds.includes("invalid") ? ", invalid" : ""}`;
    buttons.push(make("li", {}, make("button", {id: `turn-${turn}`, type: "button", class: kinds.join(" "), "aria-label": label, title: label, "aria-current": turn === view.turn ? "step" : null, onclick: () => goTo(turn)}, name)));
  }
  return make("ol", {id: "turns", class: "turns", "aria-label": "Turns"}, ...buttons);
}

function side(key, played, two) {
  const episode = index.episodes[keys.get(key)], end = outcomeOf(episode), run = episode[column.run];
  const over = view.turn >= played.turns.length, turn = played.turns[view.turn];
  const title = make("p", {class: "title"}, make("span", {class: `swatch ${runClass(run)}`, "aria-hidden": "true"}), index.runs[run].name,
    two ? make("span", {class: "soft"}, ` ${turnsOf(played.turns.length)}, return ${number(episode[column.return])} `) : " ",
    two ? make("span", {class: `mark ${end.replaceAll(" ", "-")}`}, end) : null);
  if (over) return make("article", {class: "side", "aria-label": index.runs[run].name}, title, ...ending(played, end));
  return make("article", {class: "side", "aria-label": index.runs[run].name}, title, shots(played, turn), about(turn, run));
}

function ending(played, end) {
  const picture = played.final ? shot(played, played.final, "The last picture", [], true) : make("p", {class: "soft"}, "No picture was kept.");
  const total = played.turns.reduce((sum, turn) => sum + (turn.reward ?? 0), 0);
  return [make("div", {class: "shots"}, picture), make("div", {class: "about"}, make("p", {}, `The end: ${end}, return ${number(total)}.`), played.error ? make("p", {class: "fault"}, readable(played.error)) : null)];
}

// --- pictures and what is drawn on them --------------------------------------------------------------------------

function shots(played, turn) {
  const drawnOn = [...(view.expert ? turn.expertPointers.map(pointer => [pointer, "expert"]) : []), ...turn.pointers.map(pointer => [pointer, "agent"])];
  const now = played.turns.indexOf(turn);
  const before = now ? lastShown(played, now) : null;
  const pictures = turn.images.length || !before ? [...turn.images] : [before];
  for (const [pointer] of drawnOn) if (!pictures.includes(pointer.image)) pictures.push(pointer.image);
  const single = pictures.length === 1;
  const figures = pictures.map((digest, place) => shot(played, digest, turn.images.includes(digest) ? (single ? "" : `picture ${place + 1} of this turn`) : "shown before", drawnOn.filter(([pointer]) => pointer.image === digest), single));
  return make("div", {class: "shots"}, ...(figures.length ? figures : [make("p", {class: "soft"}, "No picture was shown.")]));
}

function lastShown(played, turn) {
  for (let before = turn - 1; before >= 0; before--) if (played.turns[before].images.length) return played.turns[before].images.at(-1);
  return null;
}

function shot(played, digest, caption, drawnOn, single) {
  const [width, height] = played.sizes[digest];
  const room = single ? Math.min(640, 500 * width / height) : 300;
  const wide = width < room / 2 ? width * Math.floor(room / width) : Math.min(width, room);
  const what = `What was seen${caption ? `, ${caption}` : ""}${drawnOn.length ? `, with ${drawnOn.map(([pointer, who]) => `the ${who}'s ${pointer.kind}`).join(" and ")}` : ""}`;
  const image = make("img", {src: played.picture(digest), alt: what, width, height, loading: "lazy", decoding: "async", class: wide > width ? "pixels" : null});
  const frame = make("div", {class: "picture"}, image, drawnOn.length ? overlay(drawnOn, width, height) : null);
  const figure = make("figure", {class: "shot"}, frame, caption ? make("figcaption", {}, caption) : null);
  figure.style.width = `${wide}px`;
  frame.style.aspectRatio = `${width} / ${height}`;
  return figure;
}

function overlay(drawnOn, width, height) {
  const size = Math.max(width, height), svg = make("svg", {viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true"});
  for (const [pointer, who] of drawnOn) {
    const at = pointer.at.map((share, place) => share * (place % 2 ? height : width));
    for (const kind of ["halo", who]) svg.append(shape(pointer.kind, at, size, `pointer ${kind}`));
    if (pointer.kind === "arrow") svg.append(arrowHead(at, size, `head ${who}`));
    if (pointer.kind === "point") svg.append(make("circle", {class: `head ${who}`, cx: at[0], cy: at[1], r: size / 220}));
  }
  return svg;
}

function shape(kind, at, size, name) {
  if (kind === "box") return make("rect", {class: name, x: Math.min(at[0], at[2]), y: Math.min(at[1], at[3]), width: Math.abs(at[2] - at[0]), height: Math.abs(at[3] - at[1])});
  if (kind === "arrow") return make("line", {class: name, x1: at[0], y1: at[1], x2: at[2], y2: at[3]});
  return make("circle", {class: name, cx: at[0], cy: at[1], r: size / 34});
}

function arrowHead([x1, y1, x2, y2], size, name) {
  const angle = Math.atan2(y2 - y1, x2 - x1), long = size / 24;
  const corner = turn => `${x2 - long * Math.cos(angle + turn)},${y2 - long * Math.sin(angle + turn)}`;
  return make("polygon", {class: name, points: `${x2},${y2} ${corner(0.45)} ${corner(-0.45)}`});
}

// --- words and numbers of a turn ---------------------------------------------------------------------------------

function about(turn, run) {
  const calls = turn.calls.map(sayCall), expert = turn.expert.map(sayCall);
  const same = expert.length && calls.join() === expert.join();
  const parts = [];
  if (turn.read) parts.push(make("details", {class: "read", open: view.read}, make("summary", {id: `read-${run}`, onclick: event => { view.read = !event.target.parentElement.open; }}, "What it read"), make("pre", {}, readable(turn.read))));
  parts.push(make("h4", {}, "Action"), ...(calls.length ? calls.map(call => make("code", {class: "call"}, call)) : [make("p", turn.terms.valid === 0 ? {class: "fault"} : {class: "soft"}, turn.terms.valid === 0 ? "No call that could be read." : "Not recorded.")]));
  if (view.expert && expert.length) parts.push(make("h4", {}, "Expert's move"), ...(same ? [make("span", {class: "mark solved"}, "the same")] : expert.map(call => make("code", {class: "call expert"}, call))));
  if (turn.feedback) parts.push(make("h4", {}, "Feedback"), make("p", {}, readable(turn.feedback)));
  parts.push(...answer(turn, run));
  const terms = [["reward", turn.reward], ...Object.entries(turn.terms)];
  const zeros = terms.slice(1).filter(([, value]) => value === 0).map(([name]) => readable(name));
  const others = terms.filter(([, value], place) => !place || value !== 0);
  parts.push(make("h4", {}, "Reward, and its terms and measures"),
    make("dl", {class: "terms"}, ...others.map(([name, value]) => make("div", {}, make("dt", {}, readable(name)), make("dd", {}, number(value, 4))))),
    zeros.length ? make("p", {class: "minor"}, `Zero: ${zeros.join(", ")}`) : "");
  const usage = [...Object.entries(turn.usage).map(([name, value]) => `${readable(name)} ${number(value, 4)}`)];
  if (turn.tokens.length) usage.push(`${number(turn.promptTokens, 0)} tokens read, ${number(turn.tokens.length + turn.moreTokens, 0)} sampled, weights version ${turn.version}`);
  usage.push(`model ${number(turn.seconds[0], 3)} s`, `environment ${number(turn.seconds[1], 3)} s`);
  parts.push(make("h4", {}, "Cost"), make("p", {class: "soft"}, usage.join(", ")));
  return make("div", {class: "about"}, ...parts);
}

function answer(turn, run) {
  if (!turn.tokens.length) return turn.said ? [make("h4", {}, "Answer"), make("pre", {}, readable(turn.said))] : [];
  const toggle = make("button", {id: `numbers-${run}`, type: "button", class: "small", "aria-pressed": String(view.numbers), onclick: () => { view.numbers = !view.numbers; drawEpisode(); }}, "log-probabilities");
  const tokens = turn.tokens.map(([text, logprob]) => {
    const chance = Math.exp(Math.min(0, logprob ?? 0));
    const token = make("span", {class: "token", title: `log-probability ${number(logprob, 3)}, probability ${percent(chance, 1)}`}, readable(text), make("small", {}, logprob === null ? "–" : logprob.toFixed(2).replace("-0.00", "0.00")));
    token.style.setProperty("--amount", (1 - chance).toFixed(3));
    return token;
  });
  const more = turn.moreTokens ? [` … and ${turn.moreTokens} more tokens`] : [];
  return [make("h4", {}, "Answer; the stronger a token's colour, the less likely it was ", toggle), make("div", {id: `tokens-${run}`, class: view.numbers ? "tokens numbers" : "tokens", tabindex: "0", role: "group", "aria-label": "Sampled tokens"}, ...tokens, ...more)];
}
