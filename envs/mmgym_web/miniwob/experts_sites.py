"""Experts for tasks on small sites: mail, social media, search, shops, contacts, calendars and flights."""

from __future__ import annotations

import calendar
import re

from mmgym.spaces import ToolCall
from mmgym_web.miniwob.experts import Plan, View, drag, expert, press, type_text

_MORE = press("Tab")
"""Stands in a plan for a later turn whose place is not yet on the page."""


def _mail_request(view: View) -> dict[str, str]:
    """What to do with which mail: action, by, to, message."""
    fields = view.read("core.currentFields || null")  # pages that ask in many ways keep what they mean here
    if fields:
        return {"task": "forward", **fields}
    asked = view.utterance
    (by,) = view.words(r"the email by (.*?) and (?:reply|forward|click)")
    if found := re.search(r'with the text "(.*)"\.', asked):
        return {"task": "reply", "by": by, "message": found[1]}
    if found := re.search(r"forward that email to (.*)\.", asked):
        return {"task": "forward", "by": by, "to": found[1]}
    return {"task": "delete" if "trash" in asked else "star", "by": by}


@expert(
    "email-inbox",
    "email-inbox-delete",
    "email-inbox-forward",
    "email-inbox-forward-nl",
    "email-inbox-forward-nl-turk",
    "email-inbox-important",
    "email-inbox-nl-turk",
    "email-inbox-noscroll",
    "email-inbox-reply",
    "email-inbox-star-reply",
)
def email_inbox(view: View) -> Plan:
    """Find a mail and star, delete, answer or forward it."""
    wanted = _mail_request(view)
    task, by = wanted["task"], wanted["by"]
    thread = "all('#main .email-thread').find(e => text(one('.email-sender', e)) === by)"
    if view.read("shown(one('#main'))"):
        if task in ("star", "delete"):
            icon = ".star" if task == "star" else ".trash"
            return view.click(f"one('{icon}', {thread})", by=by)
        return view.click(f"one('.email-subject', {thread})", by=by) + [_MORE] * 4
    if not view.read("!!one('#email') && text(one('#email .email-sender')) === by", by=by):
        return view.click("[one('#close-reply'), one('#close-forward'), one('#close-email')].find(shown)")
    if task in ("star", "delete"):
        return view.click(f"one('#email .{'star' if task == 'star' else 'trash'}')")
    if task == "reply":
        if not view.read("!!one('#reply')"):
            return view.click("one('.email-reply')") + [_MORE] * 3
        return view.fill("one('#reply-text')", wanted["message"]) + view.click("one('#send-reply')")
    if not view.read("!!one('#forward')"):
        return view.click("one('.email-forward')") + [_MORE] * 3
    return view.fill("one('.forward-sender')", wanted["to"]) + view.click("one('#send-forward')")


_POST = "all('.media').filter(e => text(one('.username', e)) === user)"


@expert("social-media")
def social_media(view: View) -> Plan:
    """Use one button of a user's post, perhaps in its menu."""
    user, label = view.words(r'For the user (.*), click on the "(.*)" button')
    action = view.read("Object.keys(ACTIONS).find(key => ACTIONS[key] === label)", label=label)
    button = f"one('.' + action, {_POST}[0])"
    if action in ("reply", "retweet", "like") or view.read(f"shown({button})", user=user, action=action):
        return view.click(button, user=user, action=action)
    return [*view.click(f"one('.more', {_POST}[0])", user=user), _MORE]


@expert("social-media-all", "social-media-some")
def social_media_some(view: View) -> Plan:
    """Use a button of all, or of some, posts of a user."""
    label, amount, user = view.words(r'the "(\w+)" button on (all|\d+) posts? by (\S+) and then')
    buttons = f"{_POST}.map(e => one('.' + label, e))"
    label = label.lower()
    on, off = view.read(
        f"(b => [b.filter(e => e.classList.contains('active')).length,"
        f" b.filter(e => !e.classList.contains('active')).length])({buttons})",
        user=user,
        label=label,
    )
    missing = off if amount == "all" else int(amount) - on
    if missing <= 0:
        return view.click("one('#submitRow button')")
    following = f"{buttons}.filter(e => !e.classList.contains('active'))"
    return view.click(f"{following}[0]", user=user, label=label) + [_MORE] * missing


@expert("search-engine")
def search_engine(view: View) -> Plan:
    """Search, and open a result by its place."""
    query, place = view.words(r'to enter "(.*)" and press "Search", then find and click the (\d)')
    filling = view.fill("one('#search-text')", query)
    number, page = int(place) - 1, (int(place) - 1) // 3 + 1
    turns = [_MORE] * (page > 1)
    if filling:
        return [*filling, *view.click("one('#search')"), *turns, _MORE]
    if view.read("!one('#pagination .page-item')"):
        return [*view.click("one('#search')"), *turns, _MORE]
    result = "one(`.search-title[data-result='${number}']`)"
    if view.read(f"!!{result}", number=number):
        return view.click(result, number=number)
    link = "all('#pagination a').find(e => text(e) === page)"
    return [*view.click(link, page=str(page)), _MORE]


@expert("phone-book")
def phone_book(view: View) -> Plan:
    """Leaf through contacts to one and click what is asked for."""
    person, kind = view.words(r"Find (.*) in the contact book and click on their (phone|email|address)")
    if view.read("text(one('#contact .name')) === person", person=person):
        return view.click("one('#contact .' + kind)", kind=kind)
    return [*view.click("all('#pagination a').find(e => text(e) === '>')"), _MORE]


@expert("buy-ticket")
def buy_ticket(view: View) -> Plan:
    """Buy the ticket that is best in some way."""
    (wish,) = view.words(r"the ticket with the (.*)\.")
    best = {
        "cheapest cost": ("price", 1),
        "most expensive cost": ("price", -1),
        "shortest duration": ("duration", 1),
        "longest duration": ("duration", -1),
    }[wish]
    return _best_flight(view, *best)


def _best_flight(view: View, measure: str, sign: int) -> Plan:
    value = "e => sign * one(`[data-${measure}]`, e).dataset[measure]"
    flight = f"all('.flight').reduce((a, b) => ({value})(a) <= ({value})(b) ? a : b)"
    return view.click(f"one('button', {flight})", measure=measure, sign=sign)


@expert("order-food")
def order_food(view: View) -> Plan:
    """Order dishes by name or by kind."""
    asked = view.utterance
    if found := re.search(r"Order (\d) items that are (\S+)", asked):
        first = "all('.food-item').find(e => all('img', e).some(i => i.alt === kind)).dataset.item.trim()"
        wanted = {view.read(first, kind=found[2]): int(found[1])}
    else:
        wanted = dict.fromkeys((name.strip() for name in asked.partition(": ")[2].split(",")), 1)
    ordered = view.read("all('.food-item').map(e => [e.dataset.item.trim(), +e.dataset.quantity])")
    steps = [
        (name, ".add" if quantity < wanted.get(name, 0) else ".remove")
        for name, quantity in ordered
        for _ in range(abs(wanted.get(name, 0) - quantity))
    ]
    if not steps:
        return view.click("one('#submit-order button')")
    name, button = steps[0]
    item = "all('.food-item').find(e => e.dataset.item.trim() === name)"
    return view.click(f"one('{button}', {item})", name=name) + [_MORE] * len(steps)


def _pick_date(view: View, field: str, month: int, day: int) -> Plan:
    """Open the date picker, leaf to the month, click the day. Year and field's text are the caller's."""
    if not view.read("shown(one('#ui-datepicker-div'))"):
        return [*view.click(field), _MORE]
    names = list(calendar.month_name)
    ahead = month - names.index(view.read("text(one('.ui-datepicker-month'))"))
    if ahead:
        arrow = ".ui-datepicker-next" if ahead > 0 else ".ui-datepicker-prev"
        return view.click(f"one('{arrow}')") + [_MORE] * abs(ahead)
    return view.click("all('#ui-datepicker-div td a').find(e => text(e) === day)", day=str(day))


@expert("choose-date", "choose-date-easy", "choose-date-medium", "choose-date-nodelay")
def choose_date(view: View) -> Plan:
    """Choose a date with a date picker."""
    month, day, year = view.words(r"Select (\d\d)/(\d\d)/(\d{4}) as")
    if view.read("one('#datepicker').value") == f"{month}/{day}/{year}":
        return view.submit()
    return [*_pick_date(view, "one('#datepicker')", int(month), int(day)), _MORE]


@expert("book-flight", "book-flight-nodelay")
def book_flight(view: View) -> Plan:
    """Book the cheapest or shortest flight between two airports on a day."""
    wish, start, end, date = view.words(r"Book the (\w+) one-way flight from: (.*) to: (.*) on (\S+)\.")
    if view.read("shown(one('#results'))"):
        return _best_flight(view, "price" if wish == "cheapest" else "duration", 1)
    if view.read("all('.ui-autocomplete').some(shown) && DOMESTIC_FLIGHTS.includes(document.activeElement.value)"):
        return [press("Escape"), *[_MORE] * 4]  # the suggestions hide what is below
    for field, place in (("#flight-from", start), ("#flight-to", end)):
        airport = view.read("DOMESTIC_FLIGHTS.find(f => f.includes(place))", place=place)
        if filling := view.fill(f"one('{field}')", airport):
            return filling + [_MORE] * (4 + 2 * (field == "#flight-from"))
    month, day, _ = (int(part) for part in date.split("/"))
    if view.read("one('#datepicker').value") != date:
        return [*_pick_date(view, "one('#datepicker')", month, day), _MORE, _MORE]
    return [*view.click("one('#search')"), _MORE]


@expert("daily-calendar")
def daily_calendar(view: View) -> Plan:
    """Make an entry of a length and name in a free stretch of a calendar."""
    length, unit, name, start, half = view.words(
        r'Create a ([\d.]+) (mins|hours?) event named "(\w+)", between (\d+)([AP]M)'
    )
    count = int(float(length) / 30) if unit == "mins" else int(2 * float(length))
    if view.read("!!one('#create-event')"):
        return view.fill("one('#event-name')", name) + view.click("one('#create-event .create')")
    first = 2 * (int(start) % 12 + (12 if half == "PM" else 0))
    # The first run of half hours that no entry covers, and how far it is from the top of the calendar's window.
    free = """(() => {
      const covered = e => { const r = e.getBoundingClientRect(); return all('.event').some(v => {
        const b = v.getBoundingClientRect(); return b.top < r.bottom - 1 && b.bottom > r.top + 1; }); };
      for (let k = first; k + count <= first + 8; k++) {
        const run = all('.half-hour').slice(k, k + count);
        if (!run.some(covered)) {
          const a = run[0].getBoundingClientRect(), z = run[count - 1].getBoundingClientRect();
          return [Math.round(a.left + a.width / 2), a.top, a.bottom, z.top, z.bottom];
        }
      }
    })()"""
    left, top, bottom, last_top, last_bottom = view.read(free, first=first, count=count)
    if top < 55 or last_bottom > 205:
        return [ToolCall("scroll", {"x": 80, "y": 130, "dx": 0, "dy": round(top - 90)}), *[_MORE] * 3]
    return [drag(left, (top + bottom) / 2, left, (last_top + last_bottom) / 2 + 2), _MORE, type_text(name), _MORE]
