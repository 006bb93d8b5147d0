"""Words of which messages are made."""

from __future__ import annotations

from mmgym_web.webnav.sites.calendar.words import CODENAMES, KINDS

__all__ = [
    "CHATTER",
    "CLOSINGS",
    "COMPANIES",
    "DATE_TEXTS",
    "FACTS",
    "LABELS",
    "PICTURE_TEXTS",
    "REPLIES",
    "THINGS",
    "subject",
]

THINGS = """
agenda booking brochure budget catalogue checklist contract deadline delivery draft feedback form guest-list handbook
invoice leaflet logistics menu minutes newsletter notes order outline permit photos plan programme proposal protocol
questions quote receipts registration rota schedule slides sponsors summary timetable tickets travel wording
""".split()
"""What a message is about."""

PICTURE_TEXTS: dict[str, tuple[tuple[str, ...], str]] = {
    "poster": (("Poster", "Flyer", "Placard"), "The picture is attached, straight from the printer. Do come!"),
    "receipt": (
        ("Receipt", "Till slip", "Bill"),
        "I took a picture of the paper one, it is attached. Keep it, please.",
    ),
    "badge": (
        ("Locker tag", "Door sign", "Key tag"),
        "I photographed it for you, see below. Please keep it to yourself.",
    ),
    "chart": (("Sales chart", "Visitor chart", "Turnout chart"), "Here is the picture from the report, as you asked."),
}
"""Kinds of attached pictures: beginnings of the subjects, and what the message says, which tells nothing of them."""

DATE_TEXTS = ("A date", "Finding a date", "A slot")
"""Beginnings of the subjects of messages that look for a date."""

FACTS: dict[str, tuple[str, str]] = {
    "reference": ("reference number", "Please quote the reference number {value} when you answer."),
    "room": ("room number", "We are going to be in room {value} this time."),
    "seats": ("number of seats", "In the end we have {value} seats."),
    "parking": ("parking space", "Your parking space is number {value}."),
    "code": ("booking code", "The booking code is {value}."),
}
"""What a message may say: what it is called in tasks, and the sentence."""

CHATTER = """
I hope you had a good weekend.
Thanks for your quick answer last time.
We talked about it on the phone, here it is in writing.
Nothing has been settled yet, so tell me what you think.
Most of it is the same as last year.
I have put the rest on the shared drive.
The others have had it since yesterday.
Sorry that it took me so long.
It would be good to have this out of the way soon.
Please have a look when you find the time.
The printer needs it by the end of the month.
I left the second part open on purpose.
We can go through it together over coffee.
There was some confusion about it, but that is over.
Everybody liked the first version.
It is shorter than before and, I hope, clearer.
My colleague is going to take over from next week.
The weather should not be a problem this time.
""".strip().splitlines()
"""Sentences that say little."""

CLOSINGS = ("Best wishes", "Kind regards", "See you soon", "All the best", "Cheers", "Many thanks")
"""How messages end."""

COMPANIES = (
    """
Aldine Print|Bluebell Catering|Brightside Travel|Copperfield Tools|Dove Insurance|Elmtree Books|Fairway Motors
Greenline Energy|Harper Optics|Juniper Health|Kingfisher Media|Larch Furniture|Mosaic Design|Northgate Logistics
Oakridge Dairy|Pinnacle Software|Quayside Hotels|Redwood Audio|Silverline Dental|Tidewater Shipping
""".strip()
    .replace("\n", "|")
    .split("|")
)
"""Where contacts work."""

LABELS = (
    "Family",
    "Finance",
    "Garden",
    "Health",
    "House",
    "Ideas",
    "Music",
    "Office",
    "School",
    "Sport",
    "Travel",
    "Urgent",
)
"""Names of labels."""

REPLIES = (
    *("I agree with all of it", "Please wait until Monday", "Count me in", "I cannot come this time"),
    *("Let us take the second version", "Please send it to the printer", "I need two more days"),
    *("That is fine with me", "Please call me tomorrow", "We should ask the others first"),
    *("I will bring the projector", "Please leave the last page out", "The total is wrong", "Go ahead without me"),
)
"""What the user may want to answer."""


def subject(number: int) -> str:
    """The subject of a message, by a number from 0 on: about 200,000 different ones."""
    number, thing = divmod(number, len(THINGS))
    number, kind = divmod(number, len(KINDS))
    text = f"{THINGS[thing]} for the {CODENAMES[number % len(CODENAMES)]} {KINDS[kind]}"
    return text[0].upper() + text[1:]
