"""Words of which the titles of events and to-dos are made."""

__all__ = ["CODENAMES", "KINDS", "PLACES", "TODOS", "event_title"]

CODENAMES = """
Albatross Amber Anchor Apollo Aspen Atlas Aurora Badger Bamboo Basil Beacon Bramble Breeze Canyon Cascade Cedar Cobalt
Comet Compass Copper Coral Cosmos Crane Delta Dolphin Ember Falcon Fern Flint Fjord Galaxy Garnet Glacier Granite
Harbour Hazel Heron Indigo Island Ivory Jasmine Juniper Kestrel Lagoon Lantern Lemon Linden Lotus Lynx Magnet Maple
Marble Meadow Meteor Mirror Nectar Nimbus Nova Oasis Olive Onyx Opal Orbit Orchid Orion Osprey Otter Panda Pebble Pepper
Pine Pixel Plume Polar Poppy Prairie Quartz Quill Raven Reef River Robin Saffron Sapphire Sierra Signal Silver Sparrow
Spruce Summit Sunset Tango Teal Thunder Tiger Topaz Tulip Tundra Vector Velvet Violet Walnut Willow Zenith Zephyr
""".split()
"""Code names of projects."""

KINDS = """
audit briefing budget call check class coaching contest demo dinner drill exam fair forum hearing interview launch
lecture lesson lunch meeting outing panel party pitch planning preview quiz rehearsal report retreat review session
show sprint summit survey talk tasting test tour training visit webinar workshop
""".split()
"""Kinds of events."""

PLACES = (
    *(f"Room {n}" for n in (101, 104, 112, 203, 207, 215, 301, 308)),
    *("Library", "Canteen", "Studio", "Town hall", "Garden house", "Lecture hall", "Workshop", "Reception"),
)
"""Where events take place."""

TODOS = (
    *(
        "Order the badges",
        "Book a room",
        "Print the handouts",
        "Send the agenda",
        "Check the invoice",
        "Call the caterer",
    ),
    *("Update the slides", "Write the minutes", "Collect the forms", "Reserve the projector", "Sort the photos"),
    *("Confirm the bus", "Test the microphone", "Buy the flowers", "Pick up the keys", "Translate the leaflet"),
)
"""What is to be done; ``for Falcon`` is added."""


def event_title(number: int) -> str:
    """The title of an event, by a number from 0 on: about 5,000 different ones."""
    return f"{CODENAMES[number // len(KINDS) % len(CODENAMES)]} {KINDS[number % len(KINDS)]}"
