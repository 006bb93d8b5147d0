// What happens when: addresses, keys, and news of a run that is going on.
"use strict";

function route() {
  const address = location.hash.slice(1);
  const named = address.match(/^episode=([\d]+-[\d]+)(?:&turn=(\d+))?$/);
  const episodes = Boolean(named) || address === "episodes";
  byId("results").hidden = episodes;
  byId("episodes").hidden = !episodes;
  byId(episodes ? "tab-episodes" : "tab-results").setAttribute("aria-current", "page");
  byId(episodes ? "tab-results" : "tab-episodes").removeAttribute("aria-current");
  if (!episodes) return showResults();
  drawList();
  if (named && keys.has(named[1])) select(keys.get(named[1]), Math.max(0, Number(named[2] ?? 1) - 1));
  else select(view.found.includes(keys.get(view.selected)) ? keys.get(view.selected) : view.found[0] ?? null, view.turn);
}

function show() {
  byId("title").textContent = index.title;
  fillFilters();
  showResults();
  filter();
}

function refilter() {
  byId("list").scrollTop = 0;
  filter();
  if (!view.found.includes(keys.get(view.selected))) select(view.found[0] ?? null);
}

function move(steps) {
  const place = view.found.indexOf(keys.get(view.selected));
  const next = view.found[Math.max(0, Math.min(view.found.length - 1, place + steps))];
  if (next !== undefined && next !== view.found[place]) select(next);
}

function compareNext() {
  const runs = [...(view.others?.keys() ?? [])];
  const place = runs.indexOf(view.other ? view.beside : null);
  view.beside = place + 1 < runs.length ? runs[place + 1] : null;
  showEpisode();
}

const KEYS = {
  j: () => move(1), k: () => move(-1), ArrowRight: () => goTo(view.turn + 1), ArrowLeft: () => goTo(view.turn - 1),
  Home: () => goTo(0), End: () => goTo(Infinity), f: () => byId("filter-text").focus(), "/": () => byId("filter-text").focus(),
  u: () => { byId("filter-outcome").value = filterValue("outcome") === UNSOLVED ? "" : UNSOLVED; refilter(); },
  c: compareNext, e: () => { view.expert = !view.expert; if (view.played) drawEpisode(); }, r: () => { location.hash = "results"; },
};

// the address says what is looked at: the link of the page for keyboards must not change it
document.querySelector(".skip").addEventListener("click", event => { event.preventDefault(); byId("main").focus(); });
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  const typing = event.target.closest("input, select, textarea");
  if (typing && event.key === "Escape") typing.blur();
  if (typing) return;
  if (event.key === "?") { byId("help").showModal(); event.preventDefault(); return; }
  if (byId("episodes").hidden) {
    if (["j", "k", "f", "/"].includes(event.key)) location.hash = "episodes";
    return;
  }
  const inList = event.target.id === "list";
  const act = inList && event.key === "ArrowDown" ? KEYS.j : inList && event.key === "ArrowUp" ? KEYS.k : Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  if (act) { event.preventDefault(); act(); }
});

for (const name of FILTERS) byId(`filter-${name}`).addEventListener("input", refilter);
byId("filters").addEventListener("submit", event => event.preventDefault());
byId("filter-clear").addEventListener("click", () => { for (const name of FILTERS) byId(`filter-${name}`).value = ""; refilter(); });
byId("list").addEventListener("scroll", drawList, {passive: true});
byId("help-open").addEventListener("click", () => byId("help").showModal());
window.addEventListener("hashchange", route);
window.addEventListener("resize", drawList);

// --- news --------------------------------------------------------------------------------------------------------

const SECONDS_BETWEEN_NEWS = 3;

/** Take up what a run that is going on has done since; what is being looked at stays. */
async function news() {
  const status = byId("live");
  try {
    const answer = await fetch("index.json", {headers: {"If-None-Match": index.stamp}});
    if (answer.status === 200) {
      takeIndex(await answer.json());
      if (!keys.has(view.selected)) Object.assign(view, {selected: null, played: null});
      if (!keys.has(view.partner)) view.other = null;
      show();
      if (view.selected === null) route();
      else if (!byId("episodes").hidden) showEpisode(true);
    }
    const damaged = answer.status >= 400;
    status.classList.toggle("fault", damaged);
    status.textContent = damaged ? `what is new cannot be read: ${await answer.text()}` : `served live; ${number(index.episodes.length, 0)} episodes`;
  } catch {
    status.textContent = "the server has ended; this is what it said last";
  }
  setTimeout(news, 1000 * SECONDS_BETWEEN_NEWS);
}

takeIndex(index);
show();
route();
if (index.files === "served") { byId("live").hidden = false; news(); }
