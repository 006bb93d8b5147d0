"""The page for those who see little, or use no mouse: contrast in both themes, names of controls, visible focus."""

import re
from importlib.resources import files

import pytest

from mmgym.view.bench_report import write_bench_report

CSS = (files("mmgym.view") / "templates" / "page.css").read_text()
ON = [
    *[(text, ground) for text in ("ink", "soft", "good", "bad", "odd") for ground in ("paper", "ground", "raised")],
    ("on-accent", "accent"),
]
"""Colours of letters and what they stand on."""
GRAPHICS = [(f"run{k}", "paper") for k in range(6)] + [("focus", "paper"), ("focus", "ground"), ("soft", "paper")]


def luminance(rgb):
    parts = [part / 255 for part in rgb]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def colours(block):
    return {name: bytes.fromhex(value) for name, value in re.findall(r"--([\w-]+): #([0-9a-f]{6});", block)}


LIGHT = colours(CSS[: CSS.index("@media (prefers")])
DARK = {**LIGHT, **colours(CSS[CSS.index("@media (prefers") : CSS.index("* { box-sizing")])}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_letters_and_graphics_stand_out(theme):
    for text, ground in ON:
        assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
    for line, ground in GRAPHICS:
        assert contrast(theme[line], theme[ground]) >= 3, (line, ground)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_token_can_be_read_however_unlikely_it_was(theme):
    orange = [int(part) for part in re.search(r"--doubt: (\d+), (\d+), (\d+)", CSS).groups()]
    most = float(re.search(r"var\(--amount\) \* ([\d.]+)", CSS)[1])
    for step in range(11):
        share = most * step / 10
        ground = [share * part + (1 - share) * under for part, under in zip(orange, theme["ground"], strict=True)]
        assert contrast(theme["ink"], ground) >= 4.5, step


@pytest.fixture
def page(tab, runs, tmp_path):
    tab.goto(write_bench_report(runs, tmp_path / "page.html").as_uri())
    return tab


def test_percentages_of_the_heat_map_can_be_read(page):
    shares = [k / 200 for k in range(201)]
    drawn = page.evaluate(
        """shares => shares.map(share => {
          const style = heatCell({success: [share, 0, 1, 9, 9]}, 0, 0, "").firstChild.style;
          return [style.color, style.backgroundColor].map(c => c.match(/\\d+/g).map(Number));
        })""",
        shares,
    )
    assert min(contrast(*pair) for pair in drawn) >= 4.5


@pytest.mark.parametrize("view", ["results", "episodes"])
def test_every_control_has_a_name_and_no_id_is_there_twice(page, view):
    page.goto(f"{page.url.partition('#')[0]}#{view}")
    if view == "episodes":
        page.wait_for_selector(".picture img")
        page.keyboard.press("c")
        page.wait_for_selector(".sides.two")
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    controls = ("button", "link", "combobox", "searchbox", "listbox", "option", "image", "img")
    shown = [node for node in tree if not node["ignored"] and node["role"]["value"] in controls]
    nameless = [node["role"]["value"] for node in shown if not node["name"]["value"].strip()]
    assert len(shown) > 10 and not nameless
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))


def test_who_uses_no_mouse_sees_where_they_are(page):
    seen = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        name = page.evaluate("document.activeElement.id || document.activeElement.className")
        assert outline == "solid", name
        seen.add(name)
    assert {"skip", "tab-results", "tab-episodes", "help-open"} <= seen


def test_the_way_past_the_header_stays_in_the_view(page):
    page.goto(f"{page.url.partition('#')[0]}#episodes")
    page.wait_for_selector(".picture img")
    page.focus(".skip")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#turn-1[aria-current=step]", state="visible")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_narrow_screen_needs_no_sideways_scrolling(page):
    page.set_viewport_size({"width": 390, "height": 800})
    for view, part in (("results", ".heat"), ("episodes", ".picture img")):
        page.goto(f"{page.url.partition('#')[0]}#{view}")
        page.wait_for_selector(part)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
