"""Experts for tasks of typing and choosing: text fields, dates, lists, tables, sums and logins."""

from __future__ import annotations

from mmgym.spaces import ToolCall
from mmgym_web.miniwob.experts import Plan, View, choose, expert, press, scroll, type_text


def _fill_and_submit(view: View, field: str, value: str) -> Plan:
    return view.fill(field, value) + view.submit()


@expert("enter-text", "enter-text-dynamic")
def enter_text(view: View) -> Plan:
    """Type a given text."""
    return _fill_and_submit(view, "one('#tt')", view.words(r'Enter "(.*)" into')[0])


@expert("enter-text-2")
def enter_text_2(view: View) -> Plan:
    """Type a text in upper or lower case."""
    name, case = view.words(r'Type "(.*)" in all (upper|lower) case')
    return _fill_and_submit(view, "one('#tt')", name.upper() if case == "upper" else name.lower())


@expert("enter-password")
def enter_password(view: View) -> Plan:
    """Type a password twice."""
    (password,) = view.words(r'the password "(.*)" into')
    return view.fill("one('#password')", password) + view.fill("one('#verify')", password) + view.submit()


@expert("login-user", "login-user-popup")
def login_user(view: View) -> Plan:
    """Log in; send a popup away first."""
    user, password = view.words(r'username "(.*)" and the password "(.*)" into')
    if view.read("!!one('#popup')"):
        return [*view.click("one('#popup-cancel')"), *[press("Tab")] * 3]
    return view.fill("one('#username')", user) + view.fill("one('#password')", password) + view.submit()


def _segments(view: View, done: bool, keys: str) -> Plan:
    # A date or time field takes digits from its first segment on, which is where a click near its left edge goes.
    if done:
        return view.submit()
    left, top, height = view.read("(r => [r.left, r.top, r.height])(one('#tt').getBoundingClientRect())")
    start = ToolCall("click", {"x": round(left + 9), "y": round(top + height / 2)})
    return (
        [start, type_text(keys), *view.submit()]
        if not view.read("document.activeElement === one('#tt')")
        else [type_text(keys), *view.submit()]
    )


@expert("enter-date")
def enter_date(view: View) -> Plan:
    """Type a date into a date field."""
    month, day, year = view.words(r"Enter (\d\d)/(\d\d)/(\d{4}) as")
    return _segments(view, view.read("one('#tt').value") == f"{year}-{month}-{day}", month + day + year)


@expert("enter-time")
def enter_time(view: View) -> Plan:
    """Type a time of day into a time field."""
    hour, minute, half = view.words(r"Enter (\d+):(\d\d)\s*([AP])M as")
    wanted = f"{int(hour) % 12 + (12 if half == 'P' else 0):02}:{minute}"
    return _segments(view, view.read("one('#tt').value") == wanted, f"{int(hour):02}{minute}{half}")


@expert("find-word")
def find_word(view: View) -> Plan:
    """Type a word of a paragraph."""
    (place,) = view.words(r"the (\d+)\w\w word")
    word = view.read("text(one('#area p')).split(' ')[+place - 1].replace(/[^a-zA-Z]+/g, '')", place=place)
    return _fill_and_submit(view, "one('#answer-input')", word)


@expert("scroll-text")
def scroll_text(view: View) -> Plan:
    """Type the last word of a long text."""
    word = view.read("one('#text-area').value.trim().split(/\\s+/).pop().replace(/[^a-zA-Z0-9]/g, '')")
    return _fill_and_submit(view, "one('#answer-input')", word)


@expert("scroll-text-2")
def scroll_text_2(view: View) -> Plan:
    """Scroll a text to one end."""
    (end,) = view.words(r"to the (bottom|top) of")
    area = "one('#text-area')"
    left = f"{area}.scrollHeight - {area}.clientHeight - {area}.scrollTop" if end == "bottom" else f"{area}.scrollTop"
    distance = view.read(left)
    if distance < 2:
        return view.submit()
    x, y = view.read(f"at({area})")
    return [scroll(x, y, 2000 if end == "bottom" else -2000), *view.submit()]


@expert("copy-paste")
def copy_paste(view: View) -> Plan:
    """Repeat the text of an area."""
    return _fill_and_submit(view, "one('#answer-input')", view.read("one('#to-copy').value"))


@expert("copy-paste-2")
def copy_paste_2(view: View) -> Plan:
    """Repeat the text of one of three areas."""
    (place,) = view.words(r"the (\d)\w\w text area")
    return _fill_and_submit(view, "one('#answer-input')", view.read("one('#text-' + place).value", place=place))


@expert("read-table")
def read_table(view: View) -> Plan:
    """Look a value up in a table."""
    (key,) = view.words(r"the value of (.*) into")
    return _fill_and_submit(view, "one('#tt')", view.read(_CELL, key=key))


_CELL = "text(all('#tab tr').find(r => text(r.cells[0]) === key).cells[1])"


@expert("read-table-2")
def read_table_2(view: View) -> Plan:
    """Look two values up in a table."""
    plan: Plan = []
    for number in (1, 2):
        key = view.read("text(one('#ll' + number)).replace(/:$/, '')", number=number)
        plan += view.fill(f"one('#tt{number}')", view.read(_CELL, key=key))
    return plan + view.submit()


@expert("simple-arithmetic")
def simple_arithmetic(view: View) -> Plan:
    """Do a sum."""
    one, sign, two = view.read("text(one('#math-problem')).split(' ')")[:3]
    result = {"+": int(one) + int(two), "-": int(one) - int(two), "x": int(one) * int(two)}[sign]
    return _fill_and_submit(view, "one('#math-answer')", str(result))


@expert("simple-algebra")
def simple_algebra(view: View) -> Plan:
    """Solve an equation."""
    one, sign, two, _, result = view.read("text(one('#math-problem')).split(' ')")
    if one == "x":
        value = int(result) - int(two) if sign == "+" else int(result) + int(two)
    else:
        value = int(result) - int(one) if sign == "+" else int(one) - int(result)
    return _fill_and_submit(view, "one('#math-answer')", str(value))


@expert("visual-addition")
def visual_addition(view: View) -> Plan:
    """Count blocks."""
    return _fill_and_submit(view, "one('#math-answer')", str(view.read("all('.addition-block').length")))


@expert("text-transform")
def text_transform(view: View) -> Plan:
    """Type slanted letters."""
    return _fill_and_submit(view, "one('#tt')", view.read("one('#captcha').textContent"))


@expert("use-autocomplete", "use-autocomplete-nodelay")
def use_autocomplete(view: View) -> Plan:
    """Type an item of which the beginning, perhaps the end, is given."""
    start, end = view.words(r'starts with "(.*?)"(?: and ends with "(.*)")?\.$')
    item = view.read("ui_utils.COUNTRIES.find(c => c.startsWith(start) && c.endsWith(end))", start=start, end=end)
    filling = view.fill("one('#tags')", item)
    if not filling and view.read("!at(one('#subbtn'))"):  # the suggestions hide the button
        return [press("Escape"), press("Escape")]
    return filling + (view.submit() if not filling else [press("Escape")])


@expert("choose-list")
def choose_list(view: View) -> Plan:
    """Choose an option of a list."""
    (option,) = view.words(r"Select (.*) from the list and")
    done = view.read("text(one('#options').selectedOptions[0]) === option", option=option)
    x, y = view.read("at(one('#options'))")
    return ([] if done else [choose(x, y, option)]) + view.click("one('#area button')")


@expert("click-scroll-list")
def click_scroll_list(view: View) -> Plan:
    """Choose one or two options of a list that takes several."""
    (listed,) = view.words(r"Select (.*) from the scroll list and")
    wrong = view.read(
        "all('#options option').filter(o => o.selected !== names.includes(text(o))).map(text)",
        names=listed.split(", "),
    )
    x, y = view.read("at(one('#options'))")
    return [choose(x, y, option) for option in wrong] + view.click("one('#area button')")


@expert("multi-layouts", "multi-orderings")
def multi_layouts(view: View) -> Plan:
    """Fill a form whose layout varies."""
    genre, name, year = view.words(r"Search for (.*) movies directed by (.*) from year (\d+)")
    plan: Plan = []
    for label, value in (("genre", genre), ("director", name), ("year|date", year)):
        field = """all('#area input').find(e => {
          let box = e.parentElement;
          while (!text(box)) box = box.parentElement;
          return new RegExp(label, 'i').test(box.textContent); })"""
        plan += view.fill(field, value, label=label)
    return plan + view.click("one('#area button, #area .final, #area .ui-submit')")


@expert("guess-number")
def guess_number(view: View) -> Plan:
    """Go towards a hidden number one by one, from the middle."""
    low = "(shown(one('#higher')) ? +text(one('#higher span')) + 1 : null)"
    high = "(shown(one('#lower')) ? +text(one('#lower span')) - 1 : null)"
    return _fill_and_submit(view, "one('#tt')", str(view.read(f"{low} ?? {high} ?? 5")))


@expert("generate-number")
def generate_number(view: View) -> Plan:
    """Draw numbers until one fits."""
    kind, bound = view.words(r"Generate an? (number less than|number greater than|odd|even) ?(\d*)")
    shown = view.read("text(one('#display-number'))")
    fits = {
        "number less than": lambda n: n < int(bound),
        "number greater than": lambda n: n > int(bound),
        "odd": lambda n: n % 2 == 1,
        "even": lambda n: n % 2 == 0,
    }[kind]
    plan = view.submit("one('#submit')")
    return plan if shown != "-" and fits(int(shown)) else view.click("one('#generate')") + plan


@expert("terminal")
def terminal(view: View) -> Plan:
    """Delete a file with a given ending in a terminal."""
    (ending,) = view.words(r"(?:extension \.(.*)|no file extension)")
    # The page looks for the first place where the ending occurs in the name.
    name = view.read(
        "currentFiles.find(f => ending ? f.indexOf(ending) + ending.length === f.length : !f.includes('.'))",
        ending=ending.rstrip("."),
    )
    command, typed = f"rm {name}", view.read("one('#active-input').textContent")
    focus = [] if view.read("document.activeElement === one('#terminal-target')") else view.click("one('#terminal')")
    if typed != command:
        wrong = [press("Backspace")] * len(typed) if not command.startswith(typed) else []
        focus += [*wrong, type_text(command if wrong else command[len(typed) :])]
    return [*focus, press("Enter")]


@expert("sign-agreement")
def sign_agreement(view: View) -> Plan:
    """Read an agreement to its end, sign, and agree or cancel."""
    if "Click the cancel button" in view.utterance:
        return view.click("one('#cancel')")
    name, button = view.words(r'the name "(.*)" then press "(\w+)"')
    if view.read("one('#name').disabled"):
        x, y = view.read("at(one('#text-area'))")
        later = [press("Tab")] * 3
        return [scroll(x, y, 2000), *later]
    return view.fill("one('#name')", name) + view.click("one('#' + button)", button=button.lower())


@expert("form-sequence-2")
def form_sequence_2(view: View) -> Plan:
    """Check a radio button and fill a field."""
    radio, number, field = view.words(r'Check the (\d)\w\w radio .* number "(-?\d+)" into the (\d)')
    checked = view.read("one(`[type=radio][value='${radio}']`).checked", radio=radio)
    plan = [] if checked else view.click("one(`[type=radio][value='${radio}']`)", radio=radio)
    return plan + view.fill("one('#input-' + place)", number, place=field) + view.submit()


@expert("form-sequence-3")
def form_sequence_3(view: View) -> Plan:
    """Choose in a drop-down list made by the page, and click a button."""
    height, name = view.words(r'Choose (.*) from the dropdown, .* labeled "(\w+)"')
    plan = view.click("one('#' + name)", name=name.lower())
    if view.read("text(one('.selectric .label')) === height", height=height):
        return plan
    option = "all('.selectric-items li').find(e => text(e) === height)"
    if view.read("!one('.selectric-wrapper').classList.contains('selectric-open')"):
        return [*view.click("one('.selectric')"), *[press("Tab")], *plan[-1:]]
    return view.click(option, height=height) + plan[-1:]
