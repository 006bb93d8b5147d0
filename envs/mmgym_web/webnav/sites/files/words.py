"""Words of which names and contents of files are made."""

__all__ = [
    "AREAS",
    "COLOURS",
    "DEPARTMENTS",
    "DOCUMENTS",
    "EXPENSES",
    "FIELDS",
    "MONTHS",
    "PARAGRAPHS",
    "PROJECT_FIRST",
    "PROJECT_LAST",
    "ROOMS",
    "SHOPS",
    "TAGS",
]

PROJECT_FIRST = """
Amber Arctic Azure Birch Bold Brass Bright Bronze Calm Cobalt Copper Coral Crimson Crystal Daring Dawn Dusty Eager
Early Ember Fabled Fern Frosty Gentle Gilded Golden Granite Green Hazel Hidden Humble Indigo Iron Ivory Jade Keen Lilac
Lively Lucky Lunar Maple Marble Mellow Misty Noble Northern Opal Olive Pearl Plain Polar Proud Quiet Rapid Rustic Sandy
Scarlet Silent Silver Solar Spruce Steady Stormy Sunny Swift Tidal Topaz Velvet Violet Vivid Western Wild Willow
""".split()

PROJECT_LAST = """
Anchor Arrow Badger Beacon Bell Bison Bridge Brook Canyon Castle Comet Compass Crane Delta Dolphin Eagle Falcon Feather
Ferry Fjord Fountain Fox Garden Glacier Harbour Harvest Heron Horizon Island Kestrel Kettle Ladder Lagoon Lantern Lark
Lighthouse Lynx Magnet Meadow Mill Mirror Moose Orchard Orchid Otter Owl Paddle Panther Pebble Pine Pioneer Prairie
Quarry Raven Reef Ridge River Robin Rocket Saddle Sail Sparrow Spire Summit Swan Tiger Tower Trail Tulip Valley Walrus
Whistle Windmill Wren
""".split()

AREAS = """
archive campaign contracts drafts events finance handover invoices office photos planning press research
""".split()

DOCUMENTS = ["agenda", "brief", "checklist", "handbook", "letter", "memo", "minutes", "outline", "plan", "report"]

TAGS = ["approved", "confidential", "draft", "final", "legal", "private", "review", "urgent", "waiting"]

FIELDS = ["Deadline", "Budget", "Contact", "Venue", "Reference", "Supplier", "Order number", "Telephone"]

EXPENSES = """
Banners Batteries Bookshelf Cables Calendars Catering Chairs Cleaning Coffee Courier Cups Curtains Desks Envelopes
Flowers Folders Insurance Keyboards Labels Lamps Licences Markers Monitors Napkins Notebooks Paint Parking Pens Phones
Plants Postage Posters Printing Projector Rent Scissors Signs Stamps Stools Tables Tape Taxi Tickets Toner Training
Translation Water Whiteboard
""".split()

DEPARTMENTS = ["Accounts", "Design", "Legal", "Logistics", "Research", "Sales", "Service", "Training"]

MONTHS = "January February March April May June July August September October November December".split()

ROOMS = ["Archive", "Canteen", "Foyer", "Kitchen", "Laboratory", "Library", "Mail room", "Office", "Studio", "Workshop"]

SHOPS = [
    "Corner Café",
    "Bridge Books",
    "Mill Hardware",
    "Park Stationers",
    "Station Deli",
    "Harbour Taxi",
    "Lane Paints",
]

COLOURS = ["#3b6fd4", "#d4643b", "#3f9a5c", "#8a58c0", "#c79a1e", "#2f9aa8", "#bf4778", "#6b7280"]

PARAGRAPHS = [
    "Everybody agreed that the first half went better than expected, and that the second half needs more time.",
    "Please read this before the meeting and bring your own figures, so that we can compare them.",
    "The earlier version had two mistakes in the summary; both are corrected here.",
    "If anything is unclear, ask before the end of the week. Later changes will cost extra.",
    "We looked at three offers. The middle one is not the cheapest, but it can start at once.",
    "The keys are at the front desk. The alarm is switched off between seven and nineteen hours.",
    "Nobody has to decide today, but we should know by the end of the month which way we go.",
    "Thanks to all who helped on Saturday. The photographs are in the folder next to this one.",
    "The old plan stays in force until this one is signed by both sides.",
    "Two people are still missing from the list; they will be added when they answer.",
]
