"""Words of which people and places are made."""

__all__ = ["CITIES", "FIRST_NAMES", "JOBS", "LAST_NAMES", "STREETS"]

FIRST_NAMES = """
Ada Adam Aisha Alba Alec Alice Amara Amir Anna Anton Arlo Astrid Bela Ben Bianca Boris Bruno Carla Celia Chen Clara
Cosmo Dalia Daniel Darius Dora Edith Elena Elias Emil Emma Enzo Erik Esra Eva Fabian Farah Felix Fiona Flora Frida
Gabriel Gita Greta Hana Hugo Ida Ilya Ines Iris Isaac Ivan Jada Jakob Jana Jasper Joana Jonas Judith Kaja Karim Kato
Kira Lars Laura Leila Lena Leo Levi Lina Louis Luca Lucy Maja Malik Mara Marco Maria Mateo Maya Mei Mia Milan Mina
Nadia Naomi Nico Nina Noah Nora Oda Olga Omar Oscar Otto Paula Pavel Petra Pia Priya Quinn Rafael Ravi Rosa Ruben
Ruth Sami Sara Selma Simon Sofia Stefan Tara Teo Thea Tomas Uma Vera Victor Wanda Xenia Yara Yusuf Zoe
""".split()

LAST_NAMES = """
Abbott Adler Ahmed Alvarez Anders Arndt Baker Banks Barros Becker Berg Bianchi Blake Blum Bose Brandt Brook Byrne
Castro Chandra Clark Cohen Costa Cruz Dahl Davies Diaz Dietz Doyle Duarte Ebert Ellis Endo Evans Falk Farrell Ferro
Fischer Flores Foster Frank Garcia Gomez Graf Grant Gray Gupta Haas Hale Hansen Hart Hayes Heller Hoffmann Holt Hunt
Ibarra Iqbal Ito Jansen Jensen Kane Kaur Keller Khan Kim King Klein Koch Kraus Lange Larsen Lee Lehmann Lopez Lund
Malone Marsh Martin Maurer Mendez Meyer Miles Mori Moss Nagel Nash Neumann Nolan Novak Ochoa Ortiz Otto Page Park
Patel Pereira Petrov Pohl Quist Rao Reed Reyes Richter Rossi Roth Ruiz Sato Schmid Shah Silva Singh Sommer Stein
Stone Suzuki Tanaka Thorne Tran Unger Vega Vogel Wagner Walsh Weber West Winter Wolf Wong Yilmaz York Young Zhou
""".split()

CITIES = """
Aldermere Ashcombe Beckford Bellhaven Brightwater Caldwell Carrick Clearbrook Cresthill Dunmore Eastvale Fairmont
Glenrock Greystone Halden Harrowgate Hollin Ironbridge Kelby Kingsmere Larkfield Lowmoor Marlow Millbrook Northam
Oakhurst Oldbury Pinewood Queensbay Redcliff Ridgeway Rosedale Saltmarsh Shoreham Silverton Southwell Stonebridge
Thornbury Upton Valmere Westbrook Whitby Willowby Windale Woodstock Wyndham
""".split()

JOBS = """
accountant architect baker biologist carpenter chemist cook dentist designer driver editor electrician engineer
farmer gardener geologist journalist lawyer librarian mechanic midwife musician nurse optician painter pharmacist
photographer pilot plumber programmer roofer sailor surveyor tailor teacher translator vet waiter writer
""".split()

_NAMES = (
    "Acorn",
    "Birch",
    "Cedar",
    "Church",
    "Elm",
    "Garden",
    "Harbour",
    "High",
    "Hill",
    "Lake",
    "Maple",
    "Mill",
    "Park",
)
STREETS = [f"{name} {kind}" for name in _NAMES for kind in ("Street", "Road", "Lane")]
