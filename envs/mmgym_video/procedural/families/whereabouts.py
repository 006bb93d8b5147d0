"""Whereabouts: who was in which room when, where was somebody at a time, who was there before?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.orders import near_orders, nearest_order
from mmgym_video.procedural.places import legible_height, text_height
from mmgym_video.procedural.slots import FPS, MARGIN, Slot, draw_cut_wanderers, equal_slots, inside, joined, last_frame
from mmgym_video.procedural.stage import Actor, Cover, Display, Fact, Stage
from mmgym_video.question import Question

__all__ = ["Whereabouts"]

SLOTS = {1: 4, 2: 8, 3: 16, 4: 32, 5: 32}
"""Slots of the video, by level; between two they move."""
ASKED = {
    1: ("where", "who"),
    2: ("where", "who", "when"),
    3: ("where", "who", "when", "rooms"),
    4: ("where", "who", "when", "rooms", "visitors", "before"),
    5: ("when", "rooms", "visitors", "before"),
}
ROOMS = (
    "ATTIC BAR BARN CABIN CELLAR DEN GARAGE GARDEN GYM HALL LAB LOBBY OFFICE PANTRY PORCH PUB SHED STABLE STUDIO STUDY "
    "TOWER"
).split()
LETTERS = "ABEHKMRTX"
COUNT = 4
"""Rooms, and those who move between them."""
WALL = 12
"""Thickness of the walls."""
LABELLED = 150
"""Size of somebody with a letter on them."""


@dataclass(frozen=True)
class _Who:
    """Somebody who moves between the rooms."""

    color: str
    shape: str
    label: str = ""

    @property
    def name(self) -> str:
        """What they are called."""
        return f"the {self.shape} labelled {self.label}" if self.label else f"the {self.color} {self.shape}"

    def room(self, facts: Sequence[Fact]) -> int | None:
        """Number of the room where they are in a frame, None where they cannot be seen."""
        for fact in facts:
            if (fact.get("shape"), fact.get("color"), fact.get("label")) == (self.shape, self.color, self.label):
                return (fact["x"] >= 50) + 2 * (fact["y"] >= 50)
        return None


@dataclass(frozen=True)
class _Stretch:
    """Four slots, in each of which everybody is in a room of their own."""

    people: Sequence[_Who]
    rooms: Sequence[str]
    slots: Sequence[Slot]
    plan: Sequence[Sequence[int]]
    """Number of the room of everybody, by slot."""
    times: Sequence[float]
    """A time in each slot."""
    one: int
    """Number of who is asked about, or helps to ask."""
    slot: int
    """Number of the slot that is asked about."""

    @property
    def who(self) -> _Who:
        """Who is asked about."""
        return self.people[self.one]

    @property
    def room(self) -> int:
        """Where they are in the slot that is asked about."""
        return self.plan[self.slot][self.one]

    @property
    def guests(self) -> list[str]:
        """Who is in that room in each slot."""
        return [self.people[row.index(self.room)].name for row in self.plan]

    @property
    def limits(self) -> Slot:
        """The stretch as it is named, from within the first slot to within the last."""
        return self.slots[0][0] + MARGIN / FPS, self.slots[-1][1] - MARGIN / FPS

    def visits(self, seen: Sequence[Sighting]) -> list[str]:
        """The rooms where who is asked about was seen, in order."""
        places = [self.who.room(sight.facts) for sight in self._within(seen)]
        return list(dict.fromkeys(self.rooms[place] for place in places if place is not None))

    def visitors(self, seen: Sequence[Sighting]) -> list[str]:
        """Who was seen in the room, in order."""
        found = [who.name for sight in self._within(seen) for who in self.people if who.room(sight.facts) == self.room]
        return list(dict.fromkeys(found))

    def _within(self, seen: Sequence[Sighting]) -> list[Sighting]:
        return [sight for sight in seen if self.limits[0] <= sight.time <= self.limits[1]]


@dataclass(frozen=True)
class _Asked:
    """A question about a stretch."""

    text: str
    answer: str
    options: tuple[str, ...]
    times: Sequence[float]
    """What must be seen."""
    conclude: Callable[[Sequence[Sighting]], str | None]
    """The answer, or None where what was seen does not say."""
    about: tuple[str, ...]
    """What the question names."""


class Whereabouts(Family):
    """Four move between four rooms with names over them, one in each room at a time.

    In every four slots each is in each room once, in an order drawn evenly. A move is a cut; within a slot they stroll.
    """

    name = "whereabouts"
    summary = "Where is somebody at a time, who is in a room, when, and in which order?"
    order_sensitive = True
    open_kind = "name"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level = setting.level
        slots = equal_slots(setting.duration, SLOTS[level], shortest=1.5, least=COUNT)
        width = 1000 * setting.size[1] / setting.size[0]
        # A sign leaves half of its room free.
        height = min(160, text_height(setting, 74, 3, 0.45))
        people, others = _draw_people(rng, setting)
        named = [room for room in ROOMS if height <= text_height(setting, height, len(room), 0.48)]
        rooms = [named[i] for i in rng.permutation(len(named))[:COUNT].tolist()]
        plan = np.concatenate([_square(rng) for _ in range(len(slots) // COUNT)])
        first = COUNT * int(rng.integers(len(slots) // COUNT))
        mine, rows = slots[first : first + COUNT], plan[first : first + COUNT].tolist()
        times = [inside(rng, slot) for slot in mine]
        stretch = _Stretch(people, rooms, mine, rows, times, int(rng.integers(COUNT)), int(rng.integers(COUNT)))
        kind = ASKED[level][int(rng.integers(len(ASKED[level])))]
        asked = (_ask_moment if kind in ("where", "who", "when") else _ask_order)(rng, kind, stretch)
        question = Question(
            id=self.name,
            video=self.name,
            question=asked.text,
            answer=asked.answer,
            options=asked.options,
            evidence=joined([slot for slot in slots if any(slot[0] <= time < slot[1] for time in asked.times)]),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            return asked.conclude(seen) or question.options[0]

        strangers = draw_cut_wanderers(rng, setting, slots, max(0, level - 2), shapes=others, size=(50, 71))
        stage = Stage(
            setting.duration,
            actors=(*strangers, *_actors(rng, level, width, 1.6 * height, people, slots, plan)),
            displays=tuple(
                Display(
                    ((0.0, room),),
                    (0.25 + 0.5 * (number % 2)) * width,
                    0.85 * height + 500 * (number // 2),
                    height,
                    name=f"sign {number + 1}",
                )
                for number, room in enumerate(rooms)
            ),
            covers=(
                Cover(width / 2 - WALL / 2, 0, width / 2 + WALL / 2, 1000),
                Cover(0, 500 - WALL / 2, width, 500 + WALL / 2),
            ),
            size=setting.size,
            look=setting.look,
        )
        content = (kind, tuple(who.name for who in people), tuple(rooms), asked.about, tuple(map(tuple, rows)))
        return Case(stage, question, tuple(map(Look, asked.times)), conclude, content)


def _draw_people(rng: np.random.Generator, setting: Setting) -> tuple[list[_Who], list[str]]:
    """Who moves, the more alike the higher the level, and shapes that none of them has."""
    shapes = [SHAPES[i] for i in rng.permutation(len(SHAPES)).tolist()]
    colors = [COLORS[i] for i in rng.permutation(len(COLORS)).tolist()]
    if setting.level == 5 and legible_height(setting) <= 0.4 * LABELLED:
        letters = [LETTERS[i] for i in rng.permutation(len(LETTERS)).tolist()]
        people = [_Who(colors[0], shapes[0], letters[i]) for i in range(COUNT)]
    elif setting.level > 2:
        # Two shapes in two colours: neither says who it is.
        people = [_Who(colors[i % 2], shapes[i // 2]) for i in range(COUNT)]
    else:
        people = [_Who(colors[i], shapes[i]) for i in range(COUNT)]
    return people, shapes[COUNT:]


def _square(rng: np.random.Generator) -> np.ndarray:
    """The room of each (column) in each of four slots (rows): a Latin square, its rows in an order drawn evenly."""
    number = np.arange(COUNT)
    square = (number[:, None] ^ number) if rng.random() < 0.25 else (number[:, None] + number) % COUNT
    rooms: np.ndarray = rng.permutation(COUNT)[square]
    return rooms[rng.permutation(COUNT)][:, rng.permutation(COUNT)]


def _ask_moment(rng: np.random.Generator, kind: str, stretch: _Stretch) -> _Asked:
    """Where somebody is, who is somewhere, or when somebody is somewhere."""
    who, rooms, room, time = stretch.who, stretch.rooms, stretch.room, stretch.times[stretch.slot]

    def at(seen: Sequence[Sighting]) -> Sequence[Fact]:
        return min(seen, key=lambda sight: abs(sight.time - time)).facts if seen else ()

    if kind == "where":

        def where(seen: Sequence[Sighting]) -> str | None:
            place = who.room(at(seen))
            return None if place is None else rooms[place]

        text = f"In which room is {who.name} at {time:g} s?"
        return _Asked(text, rooms[room], shuffled(rng, rooms), [time], where, (who.name,))
    if kind == "who":

        def there(seen: Sequence[Sighting]) -> str | None:
            return next((person.name for person in stretch.people if person.room(at(seen)) == room), None)

        text, names = f"Who is in the {rooms[room]} at {time:g} s?", [person.name for person in stretch.people]
        return _Asked(text, who.name, shuffled(rng, names), [time], there, (rooms[room],))

    named = {f"at {moment:g} s": slot for moment, slot in zip(stretch.times, stretch.slots, strict=True)}

    def when(seen: Sequence[Sighting]) -> str | None:
        found = [sight.time for sight in seen if who.room(sight.facts) == room]
        return next((name for name, (start, end) in named.items() for moment in found if start <= moment < end), None)

    text = f"At which of these times is {who.name} in the {rooms[room]}?"
    return _Asked(text, f"at {time:g} s", shuffled(rng, list(named)), [time], when, (who.name, rooms[room]))


def _ask_order(rng: np.random.Generator, kind: str, stretch: _Stretch) -> _Asked:
    """In which order somebody is in the rooms, or everybody in a room, or who is there before somebody."""
    who, room = stretch.who, stretch.rooms[stretch.room]
    asked = f"Between {stretch.limits[0]:g} s and {stretch.limits[1]:g} s,"
    if kind == "before":
        guests, place = stretch.guests, int(rng.integers(2, COUNT))
        pairs = permutations([guest for guest in guests if guest != guests[place]], 2)
        orders = {f"{last}, and before that {first}": (first, last) for first, last in pairs}
        answer = f"{guests[place - 1]}, and before that {guests[place - 2]}"
        options = shuffled(rng, [answer, *shuffled(rng, [name for name in orders if name != answer])[:3]])

        def before(seen: Sequence[Sighting]) -> str:
            found = stretch.visitors(seen)
            until = found.index(guests[place]) if guests[place] in found else len(found)
            return nearest_order({option: orders[option] for option in options}, found[max(0, until - 2) : until])

        text = f"{asked} who is in the {room} right before {guests[place]}, and who before that?"
        return _Asked(text, answer, options, stretch.times[place - 2 : place + 1], before, (room, guests[place]))
    if kind == "rooms":
        order, seen_order = [stretch.rooms[row[stretch.one]] for row in stretch.plan], stretch.visits
        text, about = f"{asked} in which order is {who.name} in the four rooms?", who.name
    else:
        order, seen_order = stretch.guests, stretch.visitors
        text, about = f"{asked} in which order are the four in the {room}?", room
    ways = {", ".join(names): names for names in near_orders(rng, order)}

    def follow(seen: Sequence[Sighting]) -> str:
        return nearest_order(ways, seen_order(seen))

    return _Asked(text, ", ".join(order), tuple(ways), stretch.times, follow, (about,))


def _actors(
    rng: np.random.Generator,
    level: int,
    width: float,
    top: float,
    people: Sequence[_Who],
    slots: Sequence[Slot],
    plan: np.ndarray,
) -> list[Actor]:
    """Each strolls through a room for a slot, and is in another in the next."""
    size = int(min(LABELLED if level == 5 else 170 - 15 * level, width / 4))
    times = [time for slot in slots for time in (slot[0], last_frame(slot))]
    free = width / 2 - size - 20, 485 - top - size
    actors = []
    for number, who in enumerate(people):
        corner = np.stack([plan[:, number] % 2 * width / 2 + 10, plan[:, number] // 2 * 500 + top], axis=1)
        places = np.repeat(corner, 2, axis=0) + size / 2 + rng.random((len(times), 2)) * free
        path = tuple([(time, x, y) for time, (x, y) in zip(times, places.tolist(), strict=True)])
        shown = ((0.0, slots[-1][1]),)
        actors.append(Actor(who.shape, ((0.0, who.color),), path, size, who.label, shown))
    return actors
