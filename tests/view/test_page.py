"""The page of benchmark runs in a real Chromium: opened from disk, clicked, filtered, gone through by keys."""

import json
import re

import pytest
from viewed_runs import HOSTILE, SIZE, played, wait_until

from mmgym.bench.records import Folder
from mmgym.bench.summary import compare_runs, summarise
from mmgym.trajectory import ImageStore, Status
from mmgym.view import bench_report
from mmgym.view.bench_report import write_bench_report


@pytest.fixture(scope="module")
def page_file(runs, tmp_path_factory):
    return write_bench_report(runs, tmp_path_factory.mktemp("page") / "both.html")


@pytest.fixture
def results(tab, page_file):
    tab.goto(page_file.as_uri())
    return tab


@pytest.fixture
def episodes(tab, page_file):
    tab.goto(f"{page_file.as_uri()}#episodes")
    tab.wait_for_selector(".picture img")
    return tab


def count(tab):
    return tab.inner_text("#count")


def selected(tab):
    return re.sub(r"\s+", " ", tab.inner_text(".row[aria-selected=true]"))


def test_results_say_what_the_statistics_say(results, runs):
    records = [Folder(path).records() for path in runs]
    said = re.sub(r"\s+", " ", results.inner_text("#results"))
    for own in records:
        low, value, high = (100 * getattr(summarise(own).total.success, name) for name in ("low", "value", "high"))
        assert f"{value:.1f} % {low:.1f} to {high:.1f} %" in said
    found = compare_runs(*records)
    assert f"{100 * found.difference.value:+.1f}" in said
    p_value = results.locator("#results .card").nth(1).locator("tbody td").last.inner_text()
    assert float(p_value) == pytest.approx(found.p_value, abs=6e-5)
    rows = results.locator("#results .card").first.locator("tbody tr")
    assert [rows.nth(k).locator("th").inner_text() for k in range(2)] == ["clever", "<b>dull</b>"], (
        "the best comes first"
    )


def test_families_are_told_apart_where_there_are_several(tab, tmp_path):
    images, cases = ImageStore(), [("FrozenLake", True), ("Sokoban", False), ("Charts", True)]
    folder = Folder(tmp_path / "run")
    folder.open({"agent": "someone", "options": {}, "suite": "mixed@1", "all_episodes": 3}, ["agent"])
    folder.add([(k, played(images, f"mmgym/{env}-v0", 1, 5, solved)) for k, (env, solved) in enumerate(cases)], images)
    tab.goto(write_bench_report([folder.path]).as_uri())
    card = tab.locator("#results .card", has=tab.get_by_role("heading", name="By family"))
    rows = [re.sub(r"\s+", " ", row) for row in card.locator("tbody tr").all_inner_texts()]
    assert [row.split(" %")[0] for row in rows] == ["grid someone 50.0", "reasoning someone 100.0"]


def test_the_table_of_families_is_ruled_and_headed_by_column(tab, tmp_path):
    runs = []
    for agent in ("one", "other"):
        images, folder = ImageStore(), Folder(tmp_path / agent)
        folder.open({"agent": agent, "options": {}, "suite": "mixed@1", "all_episodes": 2}, ["agent"])
        folder.add(
            [(k, played(images, f"mmgym/{env}-v0", 1, 5, True)) for k, env in enumerate(["Charts", "Maze3D"])], images
        )
        runs.append(folder.path)
    tab.goto(write_bench_report(runs, tmp_path / "page.html").as_uri())
    table = tab.locator("#table-families table")
    ruled = "cells => cells.map(cell => getComputedStyle(cell).borderBottomWidth !== '0px')"
    families = table.locator("tbody th").evaluate_all(ruled)
    rows = [row.locator("td").evaluate_all(ruled) for row in table.locator("tbody tr").all()]
    assert families == [True, False], "the last family ends at the foot of the table"
    assert rows == [[True] * 5, [True] * 5, [True] * 5, [False] * 5]
    above, below = table.locator("thead th").nth(1), table.locator("tbody td").first
    aligned = [cell.evaluate("cell => getComputedStyle(cell).textAlign") for cell in (above, below)]
    assert aligned == ["left", "left"]


def test_an_agent_without_a_result_takes_no_column(tab, runs, tmp_path):
    images, lost = ImageStore(), Folder(tmp_path / "lost")
    lost.open({"agent": "lost", "options": {}, "suite": "toy@1", "all_episodes": 1}, ["agent"])
    spoilt = played(images, "toy/Page-v0", 1, 5, False)
    spoilt.status = Status.ENV_ERROR
    lost.add([(0, spoilt)], images)
    tab.goto(write_bench_report([runs[0], lost.path, runs[1]], tmp_path / "page.html").as_uri())
    heads = tab.locator(".heat [scope=colgroup]")
    assert heads.all_inner_texts() == ["clever", "<b>dull</b>"]
    for head, name in zip(heads.all(), ("clever", "<b>dull</b>"), strict=True):
        above, cells = head.bounding_box(), tab.locator(f".heat button[title*='{name}:']")
        for cell in cells.all():
            below = cell.bounding_box()
            assert above["x"] <= below["x"] and below["x"] + below["width"] <= above["x"] + above["width"]


def test_a_cell_of_the_heat_map_opens_its_episodes(results):
    results.get_by_role("button", name="toy/Page-v0, level 2, clever: 67").click()
    assert count(results) == "3 of 24 episodes"
    results.wait_for_selector(".picture img")
    assert "toy/Page-v0" in selected(results) and "clever, level 2" in selected(results)


def test_episodes_are_found_by_outcome_words_and_order(episodes):
    episodes.select_option("#filter-outcome", label="not solved")
    assert count(episodes) == "10 of 24 episodes"
    episodes.fill("#filter-text", "give up page")
    assert count(episodes) == "4 of 24 episodes"
    episodes.fill("#filter-text", "no such words")
    assert count(episodes) == "0 of 24 episodes" and "No episode fits" in episodes.inner_text("#viewer")
    episodes.click("#filter-clear")
    assert count(episodes) == "24 of 24 episodes"
    episodes.select_option("#filter-order", label="longest first")
    assert "4 turns" in episodes.locator(".row").first.inner_text()


def test_everything_is_done_by_keys(episodes):
    first = selected(episodes)
    episodes.keyboard.press("j")
    assert selected(episodes) != first
    episodes.keyboard.press("k")
    assert selected(episodes) == first
    episodes.keyboard.press("ArrowRight")
    episodes.wait_for_selector("#turn-1[aria-current=step]")
    episodes.keyboard.press("End")
    assert "The end: solved, return 1" in episodes.inner_text("#viewer")
    episodes.keyboard.press("c")
    episodes.wait_for_selector(".sides.two")
    assert episodes.locator(".side").count() == 2 and "<b>dull</b>" in episodes.inner_text(".sides")
    episodes.keyboard.press("u")
    assert count(episodes) == "10 of 24 episodes" and "out of turns" in selected(episodes)
    episodes.keyboard.press("f")
    episodes.keyboard.type("jkc5")
    assert episodes.input_value("#filter-text") == "jkc5", "keys are letters where one types"
    episodes.keyboard.press("Escape")
    episodes.keyboard.press("?")
    assert episodes.is_visible("#help")
    episodes.keyboard.press("Escape")
    assert not episodes.is_visible("#help")
    episodes.keyboard.press("r")
    episodes.wait_for_selector("#results", state="visible")


def test_the_list_is_walked_through_with_arrows(episodes):
    episodes.focus("#list")
    for _ in range(3):
        episodes.keyboard.press("ArrowDown")
    chosen = episodes.get_attribute("#list", "aria-activedescendant")
    assert episodes.get_attribute(f"#{chosen}", "aria-posinset") == "4"
    assert episodes.get_attribute(f"#{chosen}", "aria-selected") == "true"


def test_the_action_is_drawn_where_it_was(episodes):
    image = episodes.locator(".picture img").bounding_box()
    assert image["width"] / image["height"] == pytest.approx(SIZE[1] / SIZE[0], rel=0.02)
    for who, share in (("agent", 0.25), ("expert", 0.5)):
        ring = episodes.locator(f"circle.pointer.{who}").bounding_box()
        assert ring["x"] + ring["width"] / 2 == pytest.approx(image["x"] + share * image["width"], abs=1.5)
        assert ring["y"] + ring["height"] / 2 == pytest.approx(image["y"] + share * image["height"], abs=1.5)
    episodes.keyboard.press("e")
    assert episodes.locator("circle.pointer.expert").count() == 0 == episodes.locator(".call.expert").count()


def test_what_was_read_stays_closed(episodes):
    episodes.click(".read summary")
    episodes.wait_for_selector(".read:not([open])")
    episodes.keyboard.press("End")
    assert episodes.locator(".read").count() == 0
    episodes.keyboard.press("Home")
    assert episodes.get_attribute(".read", "open") is None
    episodes.focus(".read summary")
    episodes.keyboard.press("ArrowRight")
    episodes.wait_for_selector("#turn-1[aria-current=step]")
    assert episodes.evaluate("document.activeElement.textContent") == "What it read"


def test_a_turn_shows_call_tokens_rewards_and_what_was_read(episodes):
    said = episodes.inner_text(".about")
    for words in (
        "click(x=50, y=30)",
        "click(x=100, y=60)",
        "Zero: outcome",
        "Read at turn",
        "2 tokens read, 2 sampled",
    ):
        assert words in said, words
    assert episodes.locator(".token").count() == 2
    assert episodes.get_attribute(".token >> nth=1", "title") == "log-probability -1.386, probability 25.0\u00a0%"
    assert not episodes.locator(".token small").first.is_visible()
    episodes.click("text=log-probabilities")
    assert episodes.locator(".token small").nth(1).inner_text() == "-1.39"


def test_what_was_written_by_others_is_never_more_than_text(tab, runs, page_file):
    """The clever agent's answers, and the other's name, are markup that would do something."""
    html = page_file.read_text()
    assert html.count("</script>") == html.count("<script") and "window.pwned = 1" in html
    tab.goto(f"{page_file.as_uri()}#episodes")
    tab.fill("#filter-text", "dull")
    tab.wait_for_selector(".about pre")
    tab.fill("#filter-text", "clever")
    tab.wait_for_selector(".token")
    assert tab.evaluate("window.pwned") is None
    assert tab.locator("#viewer script, #viewer img:not(.picture img), #results b, #viewer b").count() == 0
    # the answer of an agent without tokens
    assert tab.evaluate("readable('a\\u202eb\\u0007')") == "a\\u202eb\\u0007"
    shown = tab.evaluate("text => answer({tokens: [], said: text}, 0)[1].textContent", HOSTILE.replace("\ud800", ""))
    assert shown.startswith("</script><script>") and "\\u202egnorw &amp;" in shown


def test_even_markup_in_the_page_could_do_nothing(tab, page_file):
    tab.goto(page_file.as_uri())
    image = '<img src="https://example.com/x.png" onerror="window.pwned = 1">'
    tab.evaluate("markup => document.body.insertAdjacentHTML('beforeend', markup)", image)
    tab.evaluate("""() => {
      const script = document.createElement('script');
      script.textContent = 'window.pwned = 2';
      document.body.append(script);
    }""")
    tab.evaluate("fetch('https://example.com/').catch(() => null)")
    assert tab.evaluate("window.pwned") is None
    refused, tab.said[:] = list(tab.said), []
    assert len(refused) >= 3 and all("Content Security Policy" in line or "Failed to load" in line for line in refused)
    tab.asked[:] = [url for url in tab.asked if "example.com" not in url]


def test_large_runs_have_their_episodes_in_files_beside_the_page(tab, runs, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_report, "LARGEST_SINGLE", 1000)
    path = write_bench_report(runs, tmp_path / "both.html")
    names = {file.name for file in (tmp_path / "both_files").iterdir()}
    assert all(re.fullmatch(r"e\d+\.js|[0-9a-f]{32}\.png", name) for name in names)
    assert sum(name.endswith(".js") for name in names) == 4 and path.stat().st_size < 80_000
    tab.goto(f"{path.as_uri()}#episodes")
    tab.wait_for_selector(".token")
    tab.keyboard.press("c")
    tab.wait_for_selector(".sides.two")
    loaded = "[...document.images].filter(image => image.complete && image.naturalWidth).length === 2"
    wait_until(tab, loaded)
    assert tab.evaluate("window.pwned") is None and tab.evaluate("arriving.size") == 0
    before = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "both_files").glob("*.png")}
    write_bench_report(runs, path)
    after = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "both_files").glob("*.png")}
    assert before == after, "a picture is written once"


def test_a_missing_file_is_said_and_not_silent(tab, runs, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_report, "LARGEST_SINGLE", 1000)
    path = write_bench_report(runs, tmp_path / "both.html")
    (tmp_path / "both_files" / "e0.js").unlink()
    tab.goto(f"{path.as_uri()}#episodes")
    tab.wait_for_selector("text=both_files/e0.js is missing")
    tab.said.clear()


def test_ten_thousand_episodes_are_a_few_rows(tab, runs, page_file, tmp_path):
    html = page_file.read_text()
    start = html.index(">", html.index('id="data"')) + 1
    index = json.loads(html[start : html.index("</script>", start)])
    place = index["columns"].index("index")
    index["episodes"] = [
        [*(index["episodes"][k % 24][:place]), k, *(index["episodes"][k % 24][place + 1 :])] for k in range(10_000)
    ]
    data = json.dumps(index).replace("<", "\\u003c")
    path = tmp_path / "many.html"
    path.write_text(html[:start] + data + html[html.index("</script>", start) :])
    tab.goto(f"{path.as_uri()}#episodes")
    tab.wait_for_selector(".picture img")
    assert count(tab) == "10,000 of 10,000 episodes"
    assert tab.locator(".row").count() < 40 and tab.evaluate("document.images.length") == 1
    tab.evaluate("document.getElementById('list').scrollTop = 1e9")
    tab.wait_for_selector(".row[aria-posinset='10000']")
    tab.select_option("#filter-outcome", label="out of turns")
    assert count(tab).endswith("of 10,000 episodes") and tab.locator(".row").count() < 40


def test_an_address_leads_to_an_episode_and_its_turn(tab, page_file):
    tab.goto(f"{page_file.as_uri()}#episode=1-4&turn=2")
    tab.wait_for_selector("#turn-1[aria-current=step]")
    assert "<b>dull</b>, level 2, seed 6" in selected(tab)
    before = tab.evaluate("history.length")
    tab.keyboard.press("ArrowRight")
    wait_until(tab, "location.hash === '#episode=1-4&turn=3'")
    tab.reload()
    tab.wait_for_selector("#turn-2[aria-current=step]")
    tab.keyboard.press("Home")
    wait_until(tab, "location.hash === '#episode=1-4'")
    assert tab.evaluate("history.length") == before, "the way back leads past all turns"
    tab.goto(f"{page_file.as_uri()}#episode=99-99")
    assert tab.is_visible("#episodes")
