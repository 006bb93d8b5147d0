"""What people in the forum talk about: boards, titles and posts."""

from __future__ import annotations

import numpy as np

from mmgym_web.webnav.sites.wiki.lore import Picker

__all__ = ["ABOUT", "BOARDS", "POLLS", "REASONS", "SIGNATURES", "SUBJECTS", "TAGS", "draw_opening", "draw_post",
           "draw_title"]  # fmt: skip

BOARDS = {
    "Workshop": "Tools, repairs and things made by hand",
    "Garden": "Beds, balconies and everything that grows",
    "Kitchen": "Cooking, baking and preserving",
    "Cycling": "Bicycles and where to ride them",
    "Music": "Instruments, practice and concerts",
    "Photography": "Cameras, lenses and pictures",
    "Astronomy": "Looking at the sky",
    "Board games": "Rules, rounds and collections",
}
"""Names of boards and what they are about."""

_THINGS = {
    "Workshop": "workbench|hand plane|lathe|band saw|soldering iron|door hinge|wooden chair|drill press",
    "Garden": "compost heap|rose bed|greenhouse|apple tree|rain barrel|herb spiral|lawn mower|pond pump",
    "Kitchen": "sourdough|pressure cooker|cast-iron pan|plum jam|noodle dough|cheese cake|bread oven|knife block",
    "Cycling": "touring bike|front hub|chain guard|bottom bracket|dynamo lamp|pannier rack|brake cable|saddle post",
    "Music": "upright piano|cello bow|accordion|drum kit|tin whistle|nylon guitar|music stand|trumpet mute",
    "Photography": "tripod head|light meter|macro lens|darkroom lamp|film scanner|flash unit|camera strap|slide box",
    "Astronomy": "reflector|eyepiece set|star chart|equatorial mount|dew heater|sky camera|finder scope|red lamp",
    "Board games": "dice tower|rule book|card sleeve set|tile game|wooden pieces|score pad|dungeon game|train game",
}
_ADJECTIVES = """
old small heavy cheap borrowed noisy wobbly second-hand home-made rusty forgotten oversized fragile leaking folding
spare Danish Italian silent crooked
""".split()
_PATTERNS = (
    "How do I clean a {a} {t} {w}?",
    "My {a} {t} broke {w}",
    "Looking for a {a} {t} {w}",
    "Is a {a} {t} worth it {w}?",
    "Tips for a {a} {t} {w}",
    "What to do with a {a} {t} {w}",
    "Found a {a} {t} {w}",
    "Show your {a} {t} {w}",
    "Repairing a {a} {t} {w}",
    "Any experience with a {a} {t} {w}?",
    "Swapping a {a} {t} {w}",
    "First try with a {a} {t} {w}",
)
_WHENS = (
    *("before winter", "after the move", "on a budget", "for beginners", "with children", "at the weekend"),
    *("in a small flat", "without power tools", "for a friend", "in the rain", "next spring", "under a roof"),
)

TAGS = ("question", "report", "offer", "idea")
REASONS = ("advertising", "insult", "off topic", "copied text")
SUBJECTS = (
    "Your offer",
    "Thank you",
    "Saturday",
    "A question",
    "The spare part",
    "Next meeting",
    "Photos",
    "Re: tools",
)
ABOUT = (
    "I repair more than I buy.",
    "Here since the first day.",
    "Mostly reading, sometimes writing.",
    "Ask me about bearings.",
    "Weekends are for the workshop.",
    "Learning something new each year.",
)
SIGNATURES = ("Measure twice.", "Less is more.", "Always oil the chain.", "No plan survives.", "")
POLLS = (
    ("Where shall we meet in summer?", ("Boathouse", "Town park", "Old mill", "Library", "Brewery yard", "Beach hut")),
    ("Which topic should the next issue have?", ("Clocks", "Boats", "Kites", "Lamps", "Bridges", "Bees")),
    ("Which day suits you best?", ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")),
    ("What shall we build together?", ("Bench", "Raft", "Oven", "Swing", "Tree house", "Weather vane")),
    ("Which colour for the new shirts?", ("Red", "Blue", "Green", "Yellow", "Purple", "Orange")),
    ("Which dish for the feast?", ("Soup", "Pancakes", "Stew", "Dumplings", "Curry", "Pizza")),
)
"""Questions and six options each."""

_OPENINGS = (
    "I have been thinking about this for weeks and would like to hear what others do.",
    "Nothing in the old threads really answers it, so here is a new one.",
    "This may be a simple question, but I could not find a good answer.",
    "It worked well last year and now it does not any more.",
    "Pictures will follow as soon as the light is better.",
)
_POSTS = (
    "I had the same trouble and solved it with a bit of patience.",
    "Try it on a small piece first.",
    "The local shop has everything you need for that.",
    "Mine is from my grandmother and still works.",
    "I would not spend more than twenty on it.",
    "Cold weather makes it worse, in my experience.",
    "There is a good chapter about it in the club library.",
    "Somebody in our street does this for a living.",
    "Do not forget to take a picture before you start.",
    "I disagree, the simple way is the best one here.",
    "A drop of oil does wonders.",
    "Could you say which size you have?",
    "That is exactly how I do it too.",
    "It took me a whole afternoon, but it was worth it.",
    "Wear gloves, please.",
    "I can lend you mine until Sunday.",
)


def draw_title(rng: np.random.Generator, board: str) -> str:
    """A thread's title, one of about 23,000 for each board."""
    things = _THINGS[board].split("|")
    number = int(rng.integers(len(_PATTERNS) * len(_ADJECTIVES) * len(things) * len(_WHENS)))
    number, when = divmod(number, len(_WHENS))
    number, thing = divmod(number, len(things))
    pattern, adjective = divmod(number, len(_ADJECTIVES))
    text = _PATTERNS[pattern].format(a=_ADJECTIVES[adjective], t=things[thing], w=_WHENS[when])
    return (
        text.replace(" a old ", " an old ")
        .replace(" a oversized ", " an oversized ")
        .replace("a Italian", "an Italian")
    )


def draw_opening(p: Picker) -> str:
    """The first post of a thread."""
    return f"{p.pick(_OPENINGS)} {p.pick(_POSTS)}"


def draw_post(p: Picker) -> str:
    """A later post."""
    first, second = p.below(len(_POSTS)), p.below(len(_POSTS))
    return _POSTS[first] if first == second or p.below(3) == 0 else f"{_POSTS[first]} {_POSTS[second]}"
