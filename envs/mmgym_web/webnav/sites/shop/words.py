"""Words of which the shop's goods and reviews are made."""

__all__ = [
    "BRANDS",
    "CATEGORIES",
    "COLOURS",
    "COUPONS",
    "LOOKS",
    "MATERIALS",
    "OPENINGS",
    "REASONS",
    "REMARKS",
    "SIZES",
    "TITLES",
]

CATEGORIES: dict[str, tuple[tuple[str, str], ...]] = {
    "Lighting": (("Desk Lamp", "lamp"), ("Floor Lamp", "floor_lamp"), ("Lantern", "lantern"), ("Candle", "candle")),
    "Kitchen": (("Mug", "mug"), ("Kettle", "kettle"), ("Bowl", "bowl"), ("Bottle", "bottle")),
    "Furniture": (("Chair", "chair"), ("Armchair", "armchair"), ("Stool", "stool"), ("Bookcase", "bookcase")),
    "Clothing": (("Shirt", "shirt"), ("Jacket", "jacket"), ("Dress", "dress"), ("Hoodie", "hoodie")),
    "Bags": (("Backpack", "backpack"), ("Tote Bag", "tote"), ("Suitcase", "suitcase"), ("Satchel", "satchel")),
    "Garden": (("Flower Pot", "pot"), ("Watering Can", "can"), ("Parasol", "parasol"), ("Bird House", "bird_house")),
}
"""Categories with their kinds of goods: noun and picture."""

COLOURS = {
    "red": "#d02b2b",
    "orange": "#f5820b",
    "yellow": "#f8d21c",
    "green": "#2a9d4a",
    "blue": "#2460d8",
    "purple": "#7a3bb8",
    "black": "#26282e",
    "white": "#f7f7f4",
}
"""Colours that goods come in."""

SIZES = ("XS", "S", "M", "L", "XL", "XXL")

BRANDS = """
Alvora Arden Balto Berwin Birka Bramley Calder Casto Corvin Dalby Delmar Dunvale Ebbe Elvo Eskil Fenwick Fjord Galen
Garda Halvor Harlow Ingram Isola Jorvik Kestrel Kinloch Kora Lindal Lomar Lysander Marno Merrin Molde Nordell Norwin
Odda Orla Ostara Penrose Pico Quill Ravn Rowan Sandvik Selkirk Solveig Talvi Tarvo Tindal Ulric Umber Valby Varga
Vesper Wexford Willow Yarrow Zephyr Zorin
""".split()

LOOKS = """
Airy Amber Arched Bold Bright Broad Calm Classic Compact Cosy Curved Deluxe Fine Flat Folding Gentle Grand Handy
Heavy Honest Large Light Little Loft Lucky Mellow Modern Narrow Neat Noble Nimble Open Petite Plain Polar Prime Quiet
Rapid Retro Round Royal Rustic Shiny Simple Sleek Slim Smart Smooth Soft Solid Sturdy Summer Tall Tidy Twin Urban Vivid
Wide Winter
""".split()

MATERIALS = ("Cotton", "Steel", "Oak", "Bamboo", "Leather", "Glass", "Ceramic", "Wool", "Linen", "Aluminium")

REASONS = ("Arrived damaged", "Wrong item", "Does not fit", "Changed my mind", "Better price elsewhere")
"""Reasons for a return."""

COUPONS = ("WELCOME", "SPRING", "FRIENDS", "LOYAL", "HELLO", "THANKS", "BONUS", "GARDEN")

# A review's words say nothing about its stars: those are only drawn.
TITLES = (
    "After two weeks", "My second one", "For my sister", "Bought in a hurry", "A present", "For the office", "As seen",
    "Daily use", "On a rainy day", "For the holidays", "Half a year later", "First impression", "A short note",
)  # fmt: skip
OPENINGS = (
    "I bought this for my flat.", "It came in a plain box.", "My neighbour has the same.", "We use it every day.",
    "I ordered it on a Sunday.", "The parcel was left with a friend.", "I had been looking for one for months.",
    "It stands beside the window.", "This was for my parents.", "I compared it with three others.",
)  # fmt: skip
REMARKS = (
    "The size is as given.", "The manual has six pages.", "It took a while to unpack.",
    "I have written this after a month.",
    "The box was larger than I thought.", "My children have an opinion, too.", "It weighs what the page says.",
    "I keep the box in the cellar.", "I took a photograph of it.", "I would say that it depends on the room.",
)  # fmt: skip
