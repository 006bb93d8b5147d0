"""Words of which the travel site's names are made."""

__all__ = [
    "FRONTS",
    "HOTEL_FIRST",
    "HOTEL_LAST",
    "HOTEL_SECOND",
    "MONTHS",
    "OPERATOR_FIRST",
    "OPERATOR_LAST",
    "VOUCHERS",
]

OPERATOR_FIRST = """
Alder Alpine Amber Apex Arrow Aurora Blue Boreal Bright Capital Cardinal Central Civic Clear Cloud Coastal Comet
Crown Delta Eagle Eastern Fair Falcon Fleet Grand Granite Green Grove Harbour Horizon Indigo Island Jet Juniper Keystone
Lake Lark Liberty Link Lunar Meridian Metro Mistral Nordic North Orbit Pacific Peak Pearl Pilot Polar Prime Quick
Rapid Regal River Royal Sierra Silver Sky Solar South Star Stellar Summit Sun Swift Tempo Terra Tide Tramont Union Unity
Valley Vector Vista Wander West Wind Zephyr
""".split()

OPERATOR_LAST = """
Bird Bridge Connect Cruiser Dash Express Flyer Glide Go Hopper Lane Liner Lines Line Loop Mover Move Rider Route
Runner Shuttle Sprint Trail Transit Travel Trek Way Wheels Wing
""".split()

HOTEL_FIRST = """
Amber Ancient Bright Brown Copper Crooked Crystal Dancing Dusty Eager Emerald Flying Friendly Gentle Gilded Golden
Grand Happy Hidden Hollow Honest Humble Ivory Jolly Laughing Lazy Little Lonely Lucky Marble Merry Mossy Noble Old
Painted Patient Pearl Proud Quiet Red Resting Roaming Royal Rusty Salty Scarlet Secret Silent Silver Singing Sleepy
Smiling Snowy Sunny Tall Thirsty Twin Velvet Wandering White Wild Wise Wooden
""".split()

HOTEL_SECOND = """
Acorn Anchor Apple Badger Barrel Bear Bell Boar Bridge Candle Castle Cherry Crane Crown Deer Dolphin Dove Dragon Duck
Eagle Elephant Falcon Feather Fern Fiddle Fox Gander Goose Hare Harp Hawk Heron Horse Key Lamb Lantern Lion Lynx Maple
Mill Moon Oak Otter Owl Parrot Peacock Pelican Pheasant Pilgrim Plough Raven Rose Salmon Ship Sparrow Stag Star Swan
Thistle Tiger Trout Whale Wheel Willow Wolf
""".split()

HOTEL_LAST = "Hotel House Inn Lodge Rooms".split()

FRONTS = {
    "pink": "#e58aa8",
    "yellow": "#ecc94b",
    "green": "#6aa97c",
    "blue": "#5c8fd6",
    "red": "#c9483f",
    "grey": "#9aa3ad",
    "brown": "#8d6544",
    "white": "#f7f5ef",
}
"""Colours of the fronts of hotels by name."""

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

VOUCHERS = (
    ("Coffee and cake", 200),
    ("Extra bag", 400),
    ("Lounge visit", 900),
    ("Bicycle ticket", 600),
    ("Seat upgrade", 1200),
    ("Museum pass", 700),
)
"""What points buy, and for how many."""
