"""Experts for tasks of pointing: buttons, links, boxes, tabs, menus and sections."""

from __future__ import annotations

from mmgym_web.miniwob.experts import Plan, View, expert, hover, wait

_TAMPERED = "e => e.dataset.tampered === 'e' + WOB_EPISODE_ID"


@expert("click-button", "unicode-test")
def click_button(view: View) -> Plan:
    """Click the button with a label."""
    (name,) = view.words(r'Click on the "(.*)" button')
    return view.click("all('#area button').find(e => e.innerHTML === name && at(e))", name=name)


@expert("click-test", "click-test-2", "click-test-transfer")
def click_test(view: View) -> Plan:
    """Click the only button, or the one that is named."""
    return view.click("one('#subbtn2')" if "TWO" in view.utterance else "one('#subbtn')")


@expert("click-button-sequence")
def click_button_sequence(view: View) -> Plan:
    """Click ONE, then TWO."""
    plan = view.click("one('#subbtn2')")
    return plan if view.read(f"({_TAMPERED})(one('#subbtn'))") else view.click("one('#subbtn')") + plan


@expert("click-dialog")
def click_dialog(view: View) -> Plan:
    """Close a dialog."""
    return view.click("one('.ui-dialog-titlebar button')")


@expert("click-dialog-2")
def click_dialog_2(view: View) -> Plan:
    """Click a button of a dialog."""
    (name,) = view.words(r'labeled "(.*)"')
    if name == "x":
        return view.click("one('.ui-dialog-titlebar button')")
    return view.click("all('.ui-dialog-buttonset button').find(e => text(e) === name)", name=name)


@expert("click-link")
def click_link(view: View) -> Plan:
    """Click a link in a text."""
    (name,) = view.words(r'the link "(.*)"')
    return view.click("all('.alink').find(e => text(e) === name)", name=name)


@expert("click-color")
def click_color(view: View) -> Plan:
    """Click the box of a colour."""
    (color,) = view.words(r"Click on the (\w+) colored box")
    return view.click("one(`#area [data-color=${color}]`)", color=color)


@expert("click-widget")
def click_widget(view: View) -> Plan:
    """Click a kind of widget."""
    (kind,) = view.words(r'Click on a "(\w+)" widget')
    return view.click("one(`.widget [data-type=${kind}]`)", kind=kind)


@expert("focus-text")
def focus_text(view: View) -> Plan:
    """Click into the field."""
    return view.click("one('#tt')")


@expert("focus-text-2")
def focus_text_2(view: View) -> Plan:
    """Click into the field at a place."""
    (place,) = view.words(r"the (\d)")
    return view.click("one('#tt' + place)", place=place)


@expert("click-checkboxes", "click-checkboxes-large", "click-checkboxes-transfer")
def click_checkboxes(view: View) -> Plan:
    """Check the named boxes and no other."""
    (listed,) = view.words(r"Select (.*) and click Submit")
    return _check(view, "names.includes(text(label))", names=[] if listed == "nothing" else listed.split(", "))


@expert("click-checkboxes-soft")
def click_checkboxes_soft(view: View) -> Plan:
    """Check the words that mean the same as the named ones."""
    (listed,) = view.words(r"similar to (.*) and click Submit")
    same = "names.some(name => SYNONYMS.some(group => group.includes(name) && group.includes(text(label))))"
    return _check(view, same, names=listed.split(", "))


def _check(view: View, wanted: str, names: list[str]) -> Plan:
    wrong = f"all('#area label').filter(label => label.control.checked !== ({wanted}))"
    count = view.read(f"{wrong}.length", names=names)
    return [step for k in range(count) for step in view.click(f"{wrong}[{k}].control", names=names)] + view.submit()


@expert("click-option")
def click_option(view: View) -> Plan:
    """Choose a radio button."""
    (name,) = view.words(r"Select (.*) and click Submit")
    wanted = "all('#area label').find(label => text(label) === name).control"
    done = view.read(f"{wanted}.checked", name=name)
    return ([] if done else view.click(wanted, name=name)) + view.submit()


@expert("number-checkboxes")
def number_checkboxes(view: View) -> Plan:
    """Draw a digit with boxes."""
    (digit,) = view.words(r'the number "(\d)"')
    wrong = "all('#checkboxes input').filter((e, i) => e.checked !== !!PATTERNS[+digit][Math.floor(i / 4)][i % 4])"
    count = view.read(f"{wrong}.length", digit=digit)
    return [step for k in range(count) for step in view.click(f"{wrong}[{k}]", digit=digit)] + view.submit()


@expert("click-shades")
def click_shades(view: View) -> Plan:
    """Select all shades of a colour."""
    (color,) = view.words(r"shades of (\w+)")
    wrong = "all('#area span').filter(e => (e.className === 'selected') !== (e.dataset.color === color))"
    count = view.read(f"{wrong}.length", color=color)
    plan = [step for k in range(count) for step in view.click(f"{wrong}[{k}]", color=color)]
    return plan + view.submit("one('#submit')")


@expert("odd-or-even")
def odd_or_even(view: View) -> Plan:
    """Mark numbers as odd or even."""
    right = "row => one(+one('.display-number', row).textContent % 2 ? '.odd' : '.even', row)"
    wrong = f"all('.row').map({right}).filter(e => !e.classList.contains('selected'))"
    plan = [step for k in range(view.read(f"{wrong}.length")) for step in view.click(f"{wrong}[{k}]")]
    return plan + view.submit("one('#submit')")


@expert("click-collapsible", "click-collapsible-nodelay")
def click_collapsible(view: View) -> Plan:
    """Open a section and submit."""
    plan = view.submit()
    return plan if view.read("shown(one('.ui-accordion-content'))") else view.click("one('#area h3')") + plan


@expert("click-collapsible-2", "click-collapsible-2-nodelay")
def click_collapsible_2(view: View) -> Plan:
    """Open the section that holds a link and click it."""
    (name,) = view.words(r'the link "(.*)"')
    link = "all('.alink').find(e => text(e) === name)"
    section = f"({link}).closest('.ui-accordion-content')"
    plan = view.click(link, name=name)
    if view.read(f"shown({section})", name=name):
        return plan
    return view.click(f"{section}.previousElementSibling", name=name) + plan[-1:]


@expert("click-tab")
def click_tab(view: View) -> Plan:
    """Click a tab."""
    (number,) = view.words(r"Tab #(\d)")
    return view.click("one(`#area a[href='#tabs-${number}']`)", number=number)


@expert("click-tab-2", "click-tab-2-easy", "click-tab-2-medium", "click-tab-2-hard")
def click_tab_2(view: View) -> Plan:
    """Open the tab that holds a link and click it."""
    (name,) = view.words(r'the link "(.*)"')
    link = "all('.alink').find(e => text(e) === name)"
    if not view.read(f"!!{link}", name=name):  # the middle variant empties the second tab: a click on it is wanted
        return view.click("all('.ui-tab')[1]")
    plan = view.click(link, name=name)
    if view.read(f"shown({link})", name=name):
        return plan
    return view.click(f"one(`#area a[href='#${{({link}).closest('.ui-tabs-panel').id}}']`)", name=name) + plan[-1:]


@expert("click-menu")
def click_menu(view: View) -> Plan:
    """Go through nested menus to an item."""
    (path,) = view.words(r"Select (.*)")
    *parents, leaf = path.split(">")
    item = "name => all('#menu li > div').find(e => text(e) === name)"
    for k, parent in enumerate(parents):
        if not view.read(f"shown(one('ul', ({item})(name).parentElement))", name=parent):
            point = view.read(f"at(({item})(name))", name=parent)
            return [hover(*point) if point else wait(), *[wait()] * (len(parents) - k)]
    return view.click(f"({item})(name)", name=leaf)


@expert("click-menu-2")
def click_menu_2(view: View) -> Plan:
    """Open a menu, perhaps a nested one, and click an item given by name or icon."""
    item = """(icon => all('#menu li > div').find(e => icon ? one('.' + icon[0], e) : text(e) === name))(
      one('#query .ui-icon') && one('#query .ui-icon').className.match(/ui-icon-[a-z-]+/))"""
    name = view.words(r'(?:labeled "(.*)"|icon)')[0]
    plan = view.click(item, name=name)
    if not view.read("shown(one('#menu'))"):
        nested = view.read(f"!!({item}).closest('ul ul')", name=name)
        return view.click("one('#open-menu')") + [wait()] * nested + plan[-1:]
    if view.read(f"shown({item})", name=name):
        return plan
    point = view.read(f"at(({item}).closest('ul').parentElement.firstElementChild)", name=name)
    return [hover(*point) if point else wait(), plan[-1]]


@expert("navigate-tree")
def navigate_tree(view: View) -> Plan:
    """Open folders down to an item and click it."""
    (name,) = view.words(r'named "(.*)"')
    target = "all('#tree span').find(e => text(e) === name)"
    folders = f"""(e => {{ const shut = [];
      for (let li = e.closest('li').parentElement.closest('li'); li; li = li.parentElement.closest('li'))
        if (!shown(one('ul', li))) shut.unshift(one('.hitarea', li));
      return shut; }})({target})"""
    plan = view.click(target, name=name)
    count = view.read(f"{folders}.length", name=name)
    return plan if not count else view.click(f"{folders}[0]", name=name) + plan[-1:] * count


@expert("ascending-numbers")
def ascending_numbers(view: View) -> Plan:
    """Click numbers in order; after the first they are hidden."""
    if view.read("!!one('svg text')"):
        return view.click("all('svg text').find(e => text(e) === '1')") + [wait()] * 4
    squares = view.read("all('svg rect').length")
    return [step for k in range(squares) for step in view.click(f"all('svg rect')[{k}]")]


@expert("find-greatest")
def find_greatest(view: View) -> Plan:
    """Turn the card with the greatest number and submit."""
    card = "all('.card').reduce((a, b) => +a.textContent > +b.textContent ? a : b)"
    plan = view.submit("one('#submit')")
    return view.click(card) + plan if view.read(f"({card}).classList.contains('hidden')") else plan
