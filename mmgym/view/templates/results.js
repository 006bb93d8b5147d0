// The first view: who is best and how sure that is, where, and for training how it went over time.
"use strict";

let drawnIndex = null;

/** Draw the results, unless nobody sees them or they are drawn already. */
function showResults() {
  if (byId("results").hidden || drawnIndex === index) return;
  drawnIndex = index;
  const parts = index.kind === "training" ? [trainingCurves()] : [leaderboard(), comparisons(), families(), heatMap(), levelCurves(), details()];
  redraw(byId("results"), ...parts.filter(Boolean));
}

const card = (title, about, ...children) => make("section", {class: "card"}, make("h2", {}, title), about ? make("p", {}, about) : null, ...children);
const scrolled = (id, table) => make("div", {class: "scroll", id}, table);
const swatch = run => make("span", {class: `swatch ${runClass(run)}`, "aria-hidden": "true"});

function headed(...names) {
  return make("thead", {}, make("tr", {}, ...names.map((name, place) =>
    make("th", {scope: "col", class: place ? null : "left"}, name))));
}

/** An estimate on a scale from `low` to `high`: the interval as a bar, the value as a dot. */
function rangePicture(estimate, run, low = 0, high = 1) {
  const at = share => 4 + 172 * (share - low) / (high - low);
  const [value, from, to] = estimate;
  return make("svg", {viewBox: "0 0 180 22", class: runClass(run), "aria-hidden": "true"},
    ...[low, (low + high) / 2, high].map(share => make("line", {class: "axis", x1: at(share), x2: at(share), y1: 3, y2: 19})),
    make("line", {class: "axis", x1: at(low), x2: at(high), y1: 11, y2: 11}),
    make("line", {class: "span", x1: at(from), x2: Math.max(at(to), at(from) + 1), y1: 11, y2: 11}),
    make("circle", {class: "dot", cx: at(value), cy: 11, r: 5}));
}

const estimateCell = estimate => make("td", {}, make("span", {class: "big"}, percent(estimate[0], 1)), make("br"), make("small", {class: "soft"}, interval(estimate)));

// --- tables ------------------------------------------------------------------------------------------------------

function leaderboard() {
  const ranked = index.runs.map((run, place) => ({...run, place})).sort((a, b) => (b.total?.success[0] ?? -1) - (a.total?.success[0] ?? -1));
  const rows = ranked.map(run => {
    const total = run.total;
    const name = make("th", {scope: "row"}, swatch(run.place), run.name);
    const played = `${run.done}${run.planned ? ` of ${run.planned}` : ""}`;
    if (!total) return make("tr", {}, name, make("td", {class: "left", colspan: 9}, `${played} episodes; none that counts yet`));
    const tokens = (total.usage.prompt_tokens || 0) + (total.usage.completion_tokens || 0);
    return make("tr", {}, name,
      estimateCell(total.success),
      make("td", {class: "figure"}, rangePicture(total.success, run.place)),
      estimateCell(run.aggregate),
      make("td", {}, played + (run.spoilt ? `, ${run.spoilt} spoilt` : "")),
      make("td", {}, number(total.turns, 1)),
      make("td", {}, total.efficiency === null ? "–" : number(total.efficiency)),
      make("td", {}, percent(total.invalid)),
      make("td", {}, percent(total.ineffective)),
      make("td", {}, tokens ? number(tokens, 0) : "–"),
      make("td", {}, number(total.seconds, total.seconds < 10 ? 2 : 0)));
  });
  const table = make("table", {}, headed("Agent", "Success", "", "Middle half", "Episodes", "Turns", "Path", "Invalid", "Idle", "Tokens", "Seconds"), make("tbody", {}, ...rows));
  return card("Leaderboard", "Success over all episodes, with 95 % intervals. Middle half: interquartile mean over environments. Turns, tokens and seconds are means of an episode. Path: the expert's steps over those of solved episodes. Idle: valid turns that changed nothing. Episodes that the machinery spoilt count for nothing.", scrolled("table-agents", table));
}

function comparisons() {
  if (!index.pairs.length) return null;
  const reach = Math.max(0.1, ...index.pairs.map(pair => Math.max(Math.abs(pair.difference[1]), Math.abs(pair.difference[2]))));
  const rows = index.pairs.map(pair => make("tr", {},
    make("th", {scope: "row"}, swatch(pair.first), index.runs[pair.first].name, " against ", swatch(pair.second), index.runs[pair.second].name),
    make("td", {}, pair.difference[4]),
    ...[pair.both, pair.only_first, pair.only_second, pair.neither].map(count => make("td", {}, count)),
    make("td", {}, make("span", {class: "big"}, `${pair.difference[0] > 0 ? "+" : ""}${(100 * pair.difference[0]).toFixed(1)}`), make("br"),
      make("small", {class: "soft"}, pair.difference.slice(1, 3).map(bound => (100 * bound).toFixed(1)).join(" to "))),
    make("td", {class: "figure"}, rangePicture(pair.difference, pair.first, -reach, reach)),
    make("td", {}, pair.p < 0.0001 ? "< 0.0001" : number(pair.p, 4))));
  const table = make("table", {}, headed("Agents", "Instances", "Both", "First alone", "Second alone", "Neither", "Difference", "", "p"), make("tbody", {}, ...rows));
  return card("On the same instances", "Differences of success in points of per cent, with 95 % intervals. p: McNemar's exact test that both solve equally often.", scrolled("table-pairs", table));
}

function families() {
  const names = [...new Set(index.runs.flatMap(run => Object.keys(run.families)))].sort();
  if (names.length < 2) return null;
  const groups = names.map(name => make("tbody", {}, ...index.runs.map((run, place) => [run.families[name], run, place]).filter(([cell]) => cell)
    .map(([cell, run, place], rank, all) => make("tr", {},
      rank ? null : make("th", {scope: "rowgroup", rowspan: all.length}, name),
      make("td", {class: "left"}, swatch(place), run.name),
      estimateCell(cell.success),
      make("td", {class: "figure"}, rangePicture(cell.success, place)),
      make("td", {}, cell.success[3]),
      make("td", {}, number(cell.turns, 1))))));
  const table = make("table", {}, headed("Family", "Agent", "Success", "", "Episodes", "Turns"), ...groups);
  table.querySelectorAll("thead th")[1].className = "left"; // as the names below it
  return card("By family", "Success over the episodes of all environments of a family, with 95 % intervals.", scrolled("table-families", table));
}

function heatMap() {
  const counted = index.runs.map((run, place) => [run, place]).filter(([run]) => run.total), shown = counted.slice(0, 6);
  if (!shown.length) return null;
  const levels = shown.map(([run]) => [...new Set(Object.values(run.levels).flatMap(Object.keys))].sort((a, b) => a - b));
  const groups = make("tr", {}, make("th", {rowspan: 2, scope: "col", class: "left"}, "Environment"),
    ...shown.map(([run, place], nth) => make("th", {scope: "colgroup", colspan: levels[nth].length + (levels[nth].length > 1)}, swatch(place), run.name)));
  const heads = make("tr", {}, ...shown.flatMap((_, nth) => [...levels[nth].map(level => make("th", {scope: "col"}, `level ${level}`)), levels[nth].length > 1 ? make("th", {scope: "col"}, "all") : null]).filter(Boolean));
  const rows = index.environments.map((name, env) => make("tr", {}, make("th", {scope: "row"}, shortName(name)),
    ...shown.flatMap(([run, place], nth) => [
      ...levels[nth].map(level => heatCell(run.levels[name]?.[level], place, env, level)),
      levels[nth].length > 1 ? heatCell(run.environments[name], place, env, "") : null]).filter(Boolean)));
  const more = counted.length > shown.length ? ` The first ${shown.length} of ${counted.length} agents.` : "";
  return card("By environment and level", `Success; a cell opens its episodes.${more}`, scrolled("table-levels", make("table", {class: "heat"}, make("thead", {}, groups, heads), make("tbody", {}, ...rows))));
}

function heatCell(cell, run, env, level) {
  if (!cell) return make("td", {class: "none"}, "–");
  const [share, , , episodes] = cell.success;
  const name = index.environments[env];
  const about = `${shortName(name)}${level ? `, level ${level}` : ""}, ${index.runs[run].name}: ${percent(share)} of ${episodes} episodes (95 %: ${interval(cell.success)})`;
  const button = make("button", {id: `cell-${run}-${level}-${name}`, type: "button", title: about, "aria-label": about, onclick: () => openFiltered({run: String(run), env: name, level: String(level)})}, percent(share));
  // one hue, from light to dark; letters are black or white, whichever is easier to read there
  const mix = [[240, 244, 248], [0, 79, 128]].reduce((a, b) => a.map((part, place) => Math.round(part + (b[place] - part) * share)));
  button.style.backgroundColor = `rgb(${mix.join(",")})`;
  button.style.color = luminance(mix) > 0.179 ? "#000000" : "#ffffff";
  return make("td", {}, button);
}

function luminance(rgb) {
  const [r, g, b] = rgb.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function details() {
  const rows = index.runs.map((run, place) => make("details", {id: `about-${place}`}, make("summary", {id: `about-${place}-name`}, swatch(place), run.name), make("pre", {id: `about-${place}-text`}, readable(JSON.stringify(run.about, null, 1)))));
  return card("What was run", "", ...rows);
}

// --- curves ------------------------------------------------------------------------------------------------------

function legend(names) {
  return make("ul", {class: "legend"}, ...names.map((name, place) => make("li", {}, swatch(place), name)));
}

function levelCurves() {
  const several = index.environments.filter(name => index.runs.some(run => Object.keys(run.levels[name] || {}).length > 1));
  if (!several.length) return null;
  const charts = several.map(name => chart(shortName(name), index.runs.map(run =>
    Object.entries(run.levels[name] || {}).map(([level, cell]) => [Number(level), ...cell.success.slice(0, 3)])), {share: true, across: "level", whiskers: true}));
  return card("Success over levels", "With 95 % intervals.", legend(index.runs.map(run => run.name)), make("div", {class: "charts"}, ...charts));
}

function trainingCurves() {
  if (!index.curves.length) return card("Training", "There are no metrics yet.");
  const groups = index.curves.map(group => card(group.title, group.about, group.large ? legend(group.charts[0].names) : null,
    make("div", {class: group.large ? "charts large" : "charts"}, ...group.charts.map(one => chart(one.title, one.series, {share: one.share, across: group.across, large: group.large})))));
  return make("div", {}, ...groups);
}

/** A small chart. A series is a list of [x, y] or [x, y, low, high]; `share` draws per cent from 0 to 100. */
function chart(title, series, {share = false, across = "", whiskers = false, large = false} = {}) {
  const points = series.flat().filter(point => point[1] !== null);
  const [wide, high, left, right, top, bottom] = [large ? 560 : 300, large ? 220 : 170, 44, 10, 8, 34];
  const xs = points.map(point => point[0]), ys = points.flatMap(point => point.slice(1)).filter(value => value !== null);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  let [y0, y1] = share ? [0, 1] : [Math.min(...ys), Math.max(...ys)];
  if (y0 === y1) [y0, y1] = [y0 - (Math.abs(y0) || 1) / 2, y1 + (Math.abs(y1) || 1) / 2];
  const inset = whiskers ? 14 : 0;
  const x = value => left + inset + (wide - left - right - 2 * inset) * (x1 > x0 ? (value - x0) / (x1 - x0) : 0.5);
  const y = value => top + (high - top - bottom) * (1 - (value - y0) / (y1 - y0));
  const label = value => share ? percent(value) : number(value, Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(y1 - y0)))));
  const marks = [y0, (y0 + y1) / 2, y1].flatMap(value => [
    make("line", {class: "grid", x1: left, x2: wide - right, y1: y(value), y2: y(value)}),
    make("text", {x: left - 5, y: y(value) + 4, "text-anchor": "end"}, label(value))]);
  const ends = [...new Set(whiskers ? xs : [x0, x1])].map(value =>
    make("text", {x: x(value), y: high - bottom + 15, "text-anchor": whiskers ? "middle" : value === x0 ? "start" : "end"}, number(value, 0)));
  const beside = place => whiskers ? 4 * (place - (series.length - 1) / 2) : 0;
  const lines = series.flatMap((own, place) => own.length ? [make("g", {class: runClass(place)}, ...drawn(own.filter(point => point[1] !== null), value => x(value) + beside(place), y, whiskers))] : []);
  const last = series.map(own => own.filter(point => point[1] !== null).at(-1)).filter(Boolean);
  const said = `${title}: ${last.map(point => `${label(point[1])} at ${number(point[0], 0)}`).join("; ")}`;
  return make("figure", {class: "chart shot"}, make("h3", {}, title),
    make("svg", {viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": said}, ...marks, ...ends,
      make("text", {x: (left + wide - right) / 2, y: high - 4, "text-anchor": "middle"}, across), ...lines.reverse()));
}

function drawn(points, x, y, whiskers) {
  const parts = [];
  const known = whiskers || points.length > 2;  // between two ends nobody knows
  if (points.length && points[0].length > 2) {
    if (!known || whiskers) parts.push(...points.map(point => make("line", {class: "whisker", x1: x(point[0]), x2: x(point[0]), y1: y(point[2]), y2: y(point[3])})));
    else parts.push(make("polygon", {class: "band", points: [...points.map(p => `${x(p[0])},${y(p[3])}`), ...points.toReversed().map(p => `${x(p[0])},${y(p[2])}`)].join(" ")}));
  }
  if (known) parts.push(make("polyline", {class: "line", points: points.map(point => `${x(point[0])},${y(point[1])}`).join(" ")}));
  if (points.length < 30) parts.push(...points.map(point => make("circle", {class: "mark", cx: x(point[0]), cy: y(point[1]), r: 3})));
  return parts;
}
