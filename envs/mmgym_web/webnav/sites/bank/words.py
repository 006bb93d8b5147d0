"""Words of which the bank's bookings are made."""

__all__ = [
    "ACCOUNTS",
    "BILLERS",
    "CATEGORIES",
    "LIMITS",
    "NAMES",
    "RHYTHMS",
    "SETTINGS",
    "SHOPS",
    "TAILS",
    "WEEKDAYS",
]

CATEGORIES = ("Groceries", "Transport", "Housing", "Leisure", "Health", "Shopping")
"""What money is spent on."""

ACCOUNTS = ("Everyday", "Savings", "Household", "Travel fund", "Rainy day", "Wedding", "Car fund", "Garden")
"""Names that people give to accounts; the first belongs to the main one."""

NAMES = """
Acorn Amber Anchor Apple Aspen Badger Beacon Bluebird Bramble Bridge Castle Cherry Clover Compass Copper Coral Crown
Daisy Delta Dolphin Eagle Ember Falcon Fern Fox Garnet Golden Green Harbor Hazel Heron Ivory Jade Juniper Kingfisher
Lantern Lark Laurel Lemon Lilac Lion Lotus Magpie Maple Marble Meadow Mint Moon Nettle North Oak Olive Opal Orchid
Otter Owl Pearl Pepper Pine Plum Poppy Quarry Raven Ridge Robin Ruby Saffron Sage Sand Silver Sparrow Spruce Star
Stone Sun Swallow Thistle Tulip Union Valley Violet Walnut Water Willow Wren Yew
""".split()

TAILS = ("Lane", "Street", "Corner", "Square", "Point", "Brothers", "& Co", "& Sons", "House", "Works", "One")

SHOPS = {
    "Groceries": ("Bakery", "Market", "Foods", "Greengrocer"),
    "Transport": ("Railways", "Taxi", "Fuel", "Parking"),
    "Housing": ("Energy", "Hardware", "Carpets", "Water"),
    "Leisure": ("Cinema", "Books", "Gym", "Theatre"),
    "Health": ("Pharmacy", "Optics", "Dental", "Clinic"),
    "Shopping": ("Outfitters", "Electronics", "Shoes", "Toys"),
}
"""What the counterparties of each category are."""

BILLERS = ("Insurance", "Telecom", "Energy", "Council", "Water", "Library", "Garage", "Dental")

RHYTHMS = ("Weekly", "Monthly", "Quarterly", "Yearly")
"""How often a standing order pays: weekly on a day of the week, 1 to 7; otherwise on a day of the month, 1 to 28."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

LIMITS = (200, 500, 1000, 1500, 2000, 3000, 5000)
"""Daily limits of cards, in dollars."""

SETTINGS = (
    "E-mail for every payment",
    "Monthly statement on paper",
    "Warning when an account runs low",
    "Text message at every login",
    "News about our products",
    "Round up card payments",
)
