"""What is in the issue tracker of a world: people, keywords and issues with their messages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmgym_web.webnav.kit.world import World

__all__ = ["PRIORITIES", "STATUSES", "Issue", "Tracker", "User", "draw_tracker"]

STATUSES = ("unread", "deferred", "chatting", "need-eg", "in-progress", "testing", "done-cbb", "resolved")
"""Roundup's statuses, in the tracker's order."""
PRIORITIES = ("critical", "urgent", "bug", "feature", "wish")
"""Roundup's priorities, in the tracker's order."""

_THINGS = {
    "": (
        "Printer", "Scanner", "Projector", "Badge reader", "Coffee machine", "Lift", "Door sensor", "Video wall",
        "Meeting room display", "Label printer", "Network switch", "Phone line", "Heating", "Card terminal", "Tablet",
        "Wireless access point", "Backup server", "Desk lamp", "Conference camera", "Water dispenser",
    ),
    "ood": (
        "Order form", "Newsletter page", "Price filter", "Login page", "Invoice export", "Search box", "Photo gallery",
        "Delivery map", "Chat window", "Gift card page", "Return form", "Checkout page", "Size chart", "Wish list",
    ),
}  # fmt: skip
_PLACES = {
    "": (
        "on floor 2", "on floor 3", "on floor 5", "in the lobby", "in the archive", "in room 114", "in room 208",
        "in the canteen", "in the workshop", "at the reception", "in the east wing", "in the storeroom",
    ),
    "ood": (
        "on the mobile site", "in the German shop", "in the French shop", "for new customers", "for companies",
        "in the preview", "on old browsers", "for guests", "in the outlet",
    ),
}  # fmt: skip
_TROUBLES = {
    "": (
        "does not start", "makes a loud noise", "loses its settings", "shows the wrong time", "is slow", "gets too hot",
        "needs a new cable", "blinks red", "stops after an hour", "reports error 17", "is missing a part",
    ),
    "ood": (
        "loses its entries", "shows a blank page", "rounds prices wrongly", "ignores the filter", "sends two mails",
        "has a broken link", "is hard to read", "asks twice", "forgets the language",
    ),
}  # fmt: skip
_KEYWORDS = (
    "hardware", "network", "safety", "cleaning", "supplier", "warranty", "training", "budget", "noise", "power",
    "security", "paper", "furniture", "software",
)  # fmt: skip
_REMARKS = (
    "I saw it this morning.", "It happened twice last week.", "A restart did not help.", "Two colleagues see it too.",
    "It worked until Friday.", "Nobody has touched it since.", "The manual says nothing about it.",
)  # fmt: skip
_REPLIES = (
    "I will have a look.", "The part is ordered.", "Can you send a photo?", "It needs a technician.",
    "Let us wait until next week.", "I could not reproduce it.",
)  # fmt: skip
_COMPANIES = ("Northlight Ltd", "Juniper & Sons", "Bluebird Services", "Quarry Street Office", "Helm Facilities")


@dataclass(frozen=True)
class User:
    """An account."""

    username: str
    realname: str
    address: str
    phone: str
    organisation: str


@dataclass(frozen=True)
class Issue:
    """An issue; its number is its place in the list, from 1."""

    title: str
    status: str
    priority: str
    assignedto: str
    """Name of an account, or empty."""
    keywords: tuple[str, ...]
    author: str
    minutes_ago: int
    """When it was entered, in minutes before the episode."""
    messages: tuple[tuple[str, str], ...]
    """Author and text."""


@dataclass(frozen=True)
class Tracker:
    """The content of a tracker."""

    me: str
    """Account of the one who is logged in."""
    users: tuple[User, ...]
    keywords: tuple[str, ...]
    issues: tuple[Issue, ...]

    def user(self, username: str) -> User:
        """The account of that name."""
        return next(user for user in self.users if user.username == username)

    def number(self, issue: Issue) -> int:
        """The number of an issue."""
        return self.issues.index(issue) + 1


def draw_tracker(world: World) -> Tracker:
    """The tracker of a world: six people, five keywords, and 8 to 16 issues (more at higher levels)."""
    rng = world.rng("tracker")
    users = tuple(
        User(p.first.lower(), p.name, p.email, p.phone, str(rng.choice(_COMPANIES))) for p in world.people[:6]
    )
    keywords = tuple(sorted(str(word) for word in rng.choice(_KEYWORDS, 5, replace=False)))
    kind = "ood" if world.split == "ood" else ""

    def title(rng: np.random.Generator) -> str:
        return " ".join(str(rng.choice(words[kind])) for words in (_THINGS, _PLACES, _TROUBLES))

    titles = world.distinct(rng, title, 6 + 2 * world.level)
    ages = sorted((int(age) for age in rng.choice(80 * 24 * 60, len(titles), replace=False)), reverse=True)
    issues = []
    for text, age in zip(titles, ages, strict=True):
        author = users[rng.integers(len(users))].username
        messages = [(author, " ".join(rng.choice(_REMARKS, 2, replace=False)))]
        if rng.random() < 0.3:
            messages.append((users[rng.integers(len(users))].username, str(rng.choice(_REPLIES))))
        issues.append(
            Issue(
                title=text,
                status=str(rng.choice(STATUSES)),
                priority=str(rng.choice(PRIORITIES)),
                assignedto=users[rng.integers(len(users))].username if rng.random() < 0.75 else "",
                keywords=tuple(sorted(str(k) for k in rng.choice(keywords, rng.integers(0, 3), replace=False))),
                author=author,
                minutes_ago=age + 30,
                messages=tuple(messages),
            )
        )
    return Tracker(users[0].username, users, keywords, tuple(issues))
