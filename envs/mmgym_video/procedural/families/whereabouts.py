"""Whereabouts: who was in which room when, where was somebody at a time, who was there before?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES
from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, shuffled
from mmgym_video.procedural.orders import near_orders, nearest_order
from mmgym_video.procedural.slots import FPS, MARGIN, Slot, draw_cut_wanderers, equal_slots, inside, joined, last_frame
from mmgym_video.procedural.stage import Actor, Cover, Display, Fact, Stage
from mmgym_video.question import Question

__all__ = ["Whereabouts"]

SLOTS = {1: 4, 2: 8, 3: 16, 4: 32, 5: 32}
"""Moves, by level: nobody stays in a room from one slot of the video to the next but by chance."""
ASKED = {
    1: ("where", "who"),
    2: ("where", "who", "when"),
    3: ("where", "who", "when", "rooms"),
    4: ("where", "who", "when", "rooms", "visitors", "before"),
    5: ("when", "rooms", "visitors", "before"),
}
ROOMS = "ATTIC BARN CABIN CELLAR GARAGE GARDEN HALL LOBBY OFFICE PANTRY PORCH SHED STABLE STUDIO STUDY TOWER".split()
LETTERS = "ABEHKMRTX"
COUNT = 4
"""Rooms, and those who move between them."""
WALL = 12
"""Thickness of the walls."""


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
class _Asked:
    """What is asked about a stretch of four slots."""

    text: str
    answer: str
    options: tuple[str, ...]
    looks: tuple[float, ...]
    conclude: Callable[[Sequence[Sighting]], str]
    """The answer, or an empty string where what was seen does not say."""
    content: tuple[object, ...]


class Whereabouts(Family):
    """Four move between four rooms with names over them, one in each room at a time.

    In every four slots each is in each room once, in an order drawn evenly. A move is a cut; within a slot they stroll.
    """

    name = "whereabouts"
    summary = "Where is somebody at a time, who is in a room, when, and in which order?"
    order_sensitive = True
    open_kind = "ocr"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level = setting.level
        slots = equal_slots(setting.duration, SLOTS[level], shortest=1.5, least=COUNT)
        people, others = _draw_people(rng, level)
        rooms = [ROOMS[i] for i in rng.permutation(len(ROOMS))[:COUNT].tolist()]
        plan = np.concatenate([_square(rng) for _ in range(len(slots) // COUNT)])
        first = COUNT * int(rng.integers(len(slots) // COUNT))
        kind = ASKED[level][int(rng.integers(len(ASKED[level])))]
        asked = _ask(rng, kind, people, rooms, slots[first : first + COUNT], plan[first : first + COUNT].tolist())
        question = Question(
            id=self.name,
            video=self.name,
            question=asked.text,
            answer=asked.answer,
            options=asked.options,
            evidence=joined([slot for slot in slots if any(slot[0] <= time < slot[1] for time in asked.looks)]),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            return asked.conclude(seen) or question.options[0]

        width = 1000 * setting.size[1] / setting.size[0]
        strangers = draw_cut_wanderers(rng, setting, slots, max(0, level - 2), shapes=others, size=(50, 71))
        stage = Stage(
            setting.duration,
            actors=(*strangers, *_actors(rng, level, width, people, slots, plan)),
            displays=tuple(
                Display(
                    ((0.0, room),),
                    (0.25 + 0.5 * (number % 2)) * width,
                    65 + 500 * (number // 2),
                    min(74, int(width / 10)),
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
        content = (kind, tuple(who.name for who in people), tuple(rooms), *asked.content, asked.answer)
        return Case(stage, question, tuple(map(Look, asked.looks)), conclude, content)


def _draw_people(rng: np.random.Generator, level: int) -> tuple[list[_Who], list[str]]:
    """Who moves, the more alike the higher the level, and shapes that none of them has."""
    shapes = [SHAPES[i] for i in rng.permutation(len(SHAPES)).tolist()]
    colors = [COLORS[i] for i in rng.permutation(len(COLORS)).tolist()]
    if level == 5:
        letters = [LETTERS[i] for i in rng.permutation(len(LETTERS)).tolist()]
        people = [_Who(colors[0], shapes[0], letters[i]) for i in range(COUNT)]
    elif level > 2:
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


def _ask(
    rng: np.random.Generator,
    kind: str,
    people: Sequence[_Who],
    rooms: Sequence[str],
    slots: Sequence[Slot],
    plan: Sequence[Sequence[int]],
) -> _Asked:
    """Draw a question about four slots, in each of which everybody is in a room of their own."""
    times = [inside(rng, slot) for slot in slots]
    begin, end = slots[0][0] + MARGIN / FPS, slots[-1][1] - MARGIN / FPS
    one, slot = int(rng.integers(COUNT)), int(rng.integers(COUNT))
    who, room = people[one], plan[slot][one]
    names = [person.name for person in people]

    def at(seen: Sequence[Sighting]) -> Sequence[Fact]:
        return min(seen, key=lambda sight: abs(sight.time - times[slot])).facts if seen else ()

    def within(seen: Sequence[Sighting]) -> list[Sighting]:
        return [sight for sight in seen if begin <= sight.time <= end]

    def visits(seen: Sequence[Sighting]) -> list[str]:
        found = [rooms[place] for sight in within(seen) if (place := who.room(sight.facts)) is not None]
        return list(dict.fromkeys(found))

    def visitors(seen: Sequence[Sighting]) -> list[str]:
        found = [person.name for sight in within(seen) for person in people if person.room(sight.facts) == room]
        return list(dict.fromkeys(found))

    stretch = f"Between {begin:g} s and {end:g} s"
    if kind == "where":
        text = f"In which room is {who.name} at {times[slot]:g} s?"
        options = shuffled(rng, rooms)

        def where(seen: Sequence[Sighting]) -> str:
            place = who.room(at(seen))
            return "" if place is None else rooms[place]

        return _Asked(text, rooms[room], options, (times[slot],), where, (who.name,))
    if kind == "who":
        text = f"Who is in the {rooms[room]} at {times[slot]:g} s?"
        return _Asked(
            text,
            who.name,
            shuffled(rng, names),
            (times[slot],),
            lambda seen: next((person.name for person in people if person.room(at(seen)) == room), ""),
            (rooms[room],),
        )
    if kind == "when":
        named = {f"at {time:g} s": where for time, where in zip(times, slots, strict=True)}

        def when(seen: Sequence[Sighting]) -> str:
            found = [sight.time for sight in seen if who.room(sight.facts) == room]
            return next((name for name, (start, until) in named.items() for t in found if start <= t < until), "")

        text = f"At which of these times is {who.name} in the {rooms[room]}?"
        answer = list(named)[slot]
        return _Asked(text, answer, shuffled(rng, list(named)), (times[slot],), when, (who.name, rooms[room], slot))
    if kind == "before":
        guests = [names[row.index(room)] for row in plan]
        place = int(rng.integers(2, COUNT))
        free = [name for name in names if name != guests[place]]
        pairs = [f"{a}, and before that {b}" for a in free for b in free if a != b]
        answer = f"{guests[place - 1]}, and before that {guests[place - 2]}"
        options = shuffled(rng, [answer, *shuffled(rng, [pair for pair in pairs if pair != answer])[:3]])

        def before(seen: Sequence[Sighting]) -> str:
            found = visitors(seen)
            last = found.index(guests[place]) if guests[place] in found else 0
            said = f"{found[last - 1]}, and before that {found[last - 2]}" if last > 1 else ""
            return said if said in options else ""

        text = f"{stretch}, who is in the {rooms[room]} right before {guests[place]}, and who before that?"
        needed = tuple(times[place - 2 : place + 1])
        return _Asked(text, answer, options, needed, before, (rooms[room], guests[place]))
    if kind == "rooms":
        order = [rooms[row[one]] for row in plan]
        text, seen_order = f"{stretch}, in which order is {who.name} in the four rooms?", visits
    else:
        order = [names[row.index(room)] for row in plan]
        text, seen_order = f"{stretch}, in which order are the four in the {rooms[room]}?", visitors
    orders = {", ".join(names): names for names in near_orders(rng, order)}
    return _Asked(
        text,
        ", ".join(order),
        tuple(orders),
        tuple(times),
        lambda seen: nearest_order(orders, seen_order(seen)),
        (who.name if kind == "rooms" else rooms[room],),
    )


def _actors(
    rng: np.random.Generator,
    level: int,
    width: float,
    people: Sequence[_Who],
    slots: Sequence[Slot],
    plan: np.ndarray,
) -> list[Actor]:
    """Each strolls through a room for a slot, and is in another in the next."""
    size = int(min(150 if level == 5 else 170 - 15 * level, width / 4))
    times = [time for slot in slots for time in (slot[0], last_frame(slot))]
    free = width / 2 - size - 20, 360 - size
    actors = []
    for number, who in enumerate(people):
        corner = np.stack([plan[:, number] % 2 * width / 2 + 10, plan[:, number] // 2 * 500 + 125], axis=1)
        places = np.repeat(corner, 2, axis=0) + size / 2 + rng.random((len(times), 2)) * free
        path = tuple([(time, x, y) for time, (x, y) in zip(times, places.tolist(), strict=True)])
        shown = ((0.0, slots[-1][1]),)
        actors.append(Actor(who.shape, ((0.0, who.color),), path, size, who.label, shown))
    return actors
