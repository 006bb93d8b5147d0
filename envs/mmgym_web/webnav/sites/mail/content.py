"""What is in the mailboxes of a world: messages, their pictures, labels and contacts."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from mmgym_web.webnav.kit.site import Site
from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.calendar.plan import DAY_END, DAY_START, Dice, busy_slots, clock, monday, weekly_slot
from mmgym_web.webnav.sites.calendar.words import PLACES, event_title
from mmgym_web.webnav.sites.mail.words import (
    CHATTER,
    CLOSINGS,
    COMPANIES,
    DATE_TEXTS,
    FACTS,
    LABELS,
    PICTURE_TEXTS,
    REPLIES,
    subject,
)

__all__ = ["COLOURS", "fill", "free_and_busy"]

COLOURS = ("#c62828", "#e65100", "#2e7d32", "#1565c0", "#6a1b9a", "#ad1457")
"""Colours of labels, in no order that tells anything."""
_GOODS = ("Coffee", "Tea", "Soup", "Salad", "Juice", "Cake", "Sandwich", "Pasta", "Apples", "Paper", "Pens", "Stamps")
_LETTERS = "ACDEFHJKLMNPRTUVWXY"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PICTURES = ("poster", "poster", "poster", "receipt", "receipt", "badge", "badge", "badge", "chart", "chart")

Row = dict[str, Any]


def free_and_busy(world: World) -> tuple[list[tuple[dt.date, int]], list[tuple[dt.date, int]]]:
    """Hours of next week (day, minutes after midnight) at which the user has time, and at which not."""
    first = monday(world.now.date()) + dt.timedelta(days=7)
    weekday, start, end = weekly_slot(world)
    taken = [*busy_slots(world), (first + dt.timedelta(days=weekday), start, end)]
    free, busy = list[tuple[dt.date, int]](), list[tuple[dt.date, int]]()
    for offset in range(5):
        day = first + dt.timedelta(days=offset)
        for hour in range(DAY_START, DAY_END, 60):
            clash = any(d == day and a < hour + 60 and hour < b for d, a, b in taken)
            (busy if clash else free).append((day, hour))
    return free, busy


def fill(site: Site) -> None:
    """Fill the tables of the mail site."""
    world = site.world
    dice = Dice(world.rng("mail", "messages"), 12000)
    counts = {"inbox": 21 + world.level, "archive": 12, "sent": 8, "drafts": 2, "spam": 4, "trash": 5}
    _Writer(site, dice, counts).write()
    names = dice.sample(LABELS, 5)
    colours = dice.sample(COLOURS, 5)
    site.insert("mail_labels", [{"id": k + 1, "name": names[k], "colour": colours[k]} for k in range(5)])
    tags = {(1 + dice.number(counts["inbox"] + counts["archive"]), 1 + dice.number(5)) for _ in range(9)}
    site.insert("mail_tags", [{"message": message, "label": label} for message, label in sorted(tags)])
    contacts = [
        {
            "id": k + 1, "name": p.name, "email": p.email, "phone": p.phone, "company": dice.pick(COMPANIES),
            "address": f"{p.street}, {p.city}", "birthday": f"{1950 + dice.number(55)}-{1 + dice.number(12):02d}-"
            f"{1 + dice.number(28):02d}", "job": p.job,
        }
        for k, p in enumerate(sorted(world.others, key=lambda p: p.name))
    ]  # fmt: skip
    site.insert("mail_contacts", contacts)
    settings = {"id": 1, "signature": "", "notify": "all", "away": 0, "away_text": "", "alias": ""}
    site.insert("mail_settings", [settings])


class _Writer:
    """Writes the messages of all folders, newest first."""

    def __init__(self, site: Site, dice: Dice, counts: dict[str, int]):
        self.site, self.world, self.dice = site, site.world, dice
        self.folders = [folder for folder, count in counts.items() for _ in range(count)]
        self.rng = self.world.rng("mail", "subjects")
        self.subjects = self.world.distinct(self.rng, dice.texts(subject), len(self.folders))
        self.hours = free_and_busy(self.world)
        self.messages = list[Row]()
        self.attachments = list[Row]()
        self.facts = list[Row]()

    def write(self) -> None:
        world, dice = self.world, self.dice
        special = self._special()
        moment, folder_before = world.now, ""
        for k, folder in enumerate(self.folders):
            if folder != folder_before:
                moment, folder_before = world.now.replace(minute=dice.number(60)) - dt.timedelta(hours=1), folder
            moment -= dt.timedelta(minutes=20 + dice.number(900))
            person = dice.pick(world.others)
            outgoing = folder in ("sent", "drafts")
            row: Row = {
                "id": k + 1, "thread": k + 1, "folder": folder, "origin": "inbox" if folder == "trash" else "",
                "sender": world.me.email if outgoing else person.email,
                "recipients": person.email if outgoing else world.me.email, "cc": "", "subject": self.subjects[k],
                "body": "", "signature": "", "sent_at": moment.isoformat(" ", "minutes"),
                "is_read": int(outgoing or folder != "inbox" or dice.number(3) > 0), "starred": int(not dice.number(7)),
            }  # fmt: skip
            kind = special.get(k, "")
            text = [dice.pick(CHATTER), self._particular(row, kind, person.first), dice.pick(CHATTER)]
            hello, bye = (person.first, world.me.first) if outgoing else (world.me.first, person.first)
            text = list(dict.fromkeys(line for line in text if line))
            row["body"] = f"Dear {hello},\n\n" + "\n".join(text) + f"\n\n{dice.pick(CLOSINGS)}\n{bye}"
            self.messages.append(row)
        self._threads()
        self.site.insert("mail_messages", self.messages)
        self.site.insert("mail_attachments", self.attachments)
        self.site.insert("mail_facts", self.facts)

    def _special(self) -> dict[int, str]:
        """Which messages of inbox and archive carry pictures, proposals or facts."""
        inbox = [k for k, folder in enumerate(self.folders) if folder == "inbox"][:18]  # not too far down
        archive = [k for k, folder in enumerate(self.folders) if folder == "archive"]
        kinds = [*_PICTURES[::2], "proposal", "proposal", "fact", "fact", "fact"]
        special = dict(zip(self.dice.sample(inbox, len(kinds)), kinds, strict=True))
        kinds = [*_PICTURES[1::2], "fact", "fact"]
        return special | dict(zip(self.dice.sample(archive, len(kinds)), kinds, strict=True))

    def _particular(self, row: Row, kind: str, first: str) -> str:
        """What sets a message apart: the sentence, and the rows of its picture or fact."""
        if kind in PICTURE_TEXTS:
            starts, sentence = PICTURE_TEXTS[kind]
            row["subject"] = self._subject(starts)
            spec = self._picture(kind, row["subject"].split(" for the ")[1])
            name = f"{kind if kind == 'chart' else 'img'}-{1000 + self.dice.number(9000)}.png"
            self.attachments.append(
                {
                    "message": row["id"],
                    "name": name,
                    "spec": json.dumps(spec),
                    "digest": "",
                    "size": 24000,
                    "content": b"",
                }
            )
            return sentence
        if kind == "proposal":
            free, busy = self.hours
            choices = sorted([self.dice.pick(free), *self.dice.sample(busy, 2)])
            row["subject"] = self._subject(DATE_TEXTS)
            self._fact(row, "proposal", json.dumps([[str(day), start] for day, start in choices]))
            days = [f"{_WEEKDAYS[day.weekday()]} ({day.isoformat()}) at {clock(start)}" for day, start in choices]
            return f"We need one hour next week. I could do {days[0]}, {days[1]} or {days[2]}. Which of them suits you?"
        if kind == "fact":
            name = self.dice.pick(sorted(FACTS))
            value = self._code(name)
            self._fact(row, name, value)
            return FACTS[name][1].format(value=value)
        return ""

    def _subject(self, starts: tuple[str, ...]) -> str:
        """The subject of a message about an event."""
        draw = self.dice.texts(lambda n: f"{starts[n % len(starts)]} for the {event_title(n // len(starts))}")
        return self.world.distinct(self.rng, draw, 1)[0]

    def _fact(self, row: Row, kind: str, value: str) -> None:
        self.facts.append({"message": row["id"], "kind": kind, "value": value})

    def _code(self, kind: str) -> str:
        number = self.dice.number
        if kind in ("reference", "code"):
            return f"{self.dice.pick(_LETTERS)}{self.dice.pick(_LETTERS)}-{1000 + number(9000)}"
        return str(20 + number(480))

    def _picture(self, kind: str, what: str) -> dict[str, Any]:
        dice = self.dice
        spec: dict[str, Any] = {"kind": kind, "look": dice.number(1 << 20), "title": what}
        if kind == "poster":
            day = monday(self.world.now.date()) + dt.timedelta(days=7 + dice.number(7))
            spec |= {"time": clock(15 * (32 + dice.number(48))), "place": dice.pick(PLACES)}
            spec |= {"day": f"{_WEEKDAYS[day.weekday()]} {day.isoformat()}", "date": str(day)}
        elif kind == "receipt":
            items = [(item, 120 + dice.number(2400)) for item in dice.sample(_GOODS, 3 + dice.number(3))]
            spec |= {"shop": dice.pick(COMPANIES), "items": items}
        elif kind == "badge":
            spec["code"] = f"{dice.pick(_LETTERS)}{2 + dice.number(8)}{dice.pick(_LETTERS)}{2 + dice.number(8)}"
        else:
            spec["values"] = self._bars()
        return spec

    def _bars(self) -> list[int]:
        """Twelve heights, of which one is clearly the highest and one clearly the lowest."""
        high, low = self.dice.sample(range(12), 2)
        bars = [30 + self.dice.number(45) for _ in range(12)]
        bars[high], bars[low] = 88 + self.dice.number(10), 8 + self.dice.number(10)
        return bars

    def _threads(self) -> None:
        """Make some sent messages answers to messages of the inbox."""
        inbox = [row for row in self.messages if row["folder"] == "inbox"][10:]
        sent = [row for row in self.messages if row["folder"] == "sent"]
        for answer, question in zip(sent[:4], self.dice.sample(inbox, 4), strict=True):
            if answer["sent_at"] < question["sent_at"]:
                answer["sent_at"] = question["sent_at"]
            first = next(p.first for p in self.world.others if p.email == question["sender"])
            answer |= {"thread": question["thread"], "recipients": question["sender"]}
            answer["subject"] = f"Re: {question['subject']}"
            answer["body"] = f"Dear {first},\n\n{self.dice.pick(REPLIES)}.\n\nThanks\n{self.world.me.first}"
