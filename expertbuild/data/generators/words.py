"""The words that every generator draws from, split once into those for training and those held out.

A word belongs to one side by a stable hash of its spelling, whatever list it stands in, so a
held-out table name is never a training column name. Compounds (`order_item`) are held out when any
part is. `part="all"` is for the base's own corpus: a base may know words, a task may not know its test.
"""

import random
import re
import zlib
from collections.abc import Callable
from functools import cache

HELD_OUT_PERCENT = 25

_THINGS = """
account actor address agent airport album alarm animal answer apartment apple appointment artist asset
author award badge bakery band bank barn basket battery beach bean bear bed bell bicycle bike bill bird
blanket blog boat book booking bottle box branch brand bread bridge broker brush bucket budget bug
building bus button cabin cable cafe cake camera camp campaign candle car card carpet cart case castle
cat category chair channel chapter charge chart chef city claim class client clinic clock cloud club
coach coat code coin college color comment company computer concert contact container contract cook
cookie country course court cow creator crew crop customer daughter dealer deck delivery department
deposit desk detail device dish doctor document dog donor door drawer dress drink driver drone drug
duck editor egg employee engine engineer envelope episode event exam exhibit expense fabric factory
family farm farmer fence ferry festival field file film fish flag flight floor flower folder food
forest form fountain frame friend fruit game garage garden gate gift glass glove goal goat grade grant
group guard guest guide guitar habit hall hammer harbor harvest hat helmet hill hobby holiday horse
hospital host hotel house image index injury insect invoice island issue item jacket jar jewel job
journal journey judge juice keeper kettle key kitchen kite knife ladder lake lamp language laptop
lawyer league leaf lease lecture lesson letter level library license lift light line list loan lock
log lot machine magazine mail manager map market mask match meal medal medicine meeting member memo
menu message meter miner mirror mission model module moment monitor motor mountain mouse movie museum
nation needle nest network news note notebook number nurse office offer oil onion opera option orange
order organ oven owner package page painter painting panel paper parcel parent park partner party
passenger patch path patient payment peach pen pencil performer permit person pet phone photo piano
picture pilot pipe pizza plan planet plant plate player plot poem poet point policy pond pool port
position post poster potato prize product professor profile project proof property protocol purchase
quarter query question quote rabbit race racket radio raft railway reader recipe record region rental
repair report request reservation resident restaurant result review reward ribbon rice rider ring river
road robot rock rocket role roof room rope route rule runner sailor salad sale sample sandwich scale
schedule scholar school scooter score screen script sculpture season seat section seed seller sensor
series server service session shaft sheep shelf shell shift ship shipment shirt shoe shop shower signal
singer site skill slot snack soap sock sofa soldier song source speaker species spice sponsor spoon
sport spot squad stable staff stage stamp star station statue step stock stone store storm story
stranger street student studio subject suit supplier survey sweater switch symbol system table tailor
tank task teacher team temple tenant tent test text theater ticket tide tiger tile tip title toast tool
tour tower town toy track tractor trade trail train trainer transfer tray treaty tree trip trophy truck
tunnel tutor unit user valley van vehicle vendor venue vessel video village violin visit visitor voter
wagon waiter wall warehouse watch wave weapon website wheel whale window wine winner wizard wolf wood
word worker workshop writer yacht yard zone
"""
_TEXT_COLUMNS = """
name title city color status country brand kind genre region owner label material category style
district department language street origin shape size_class season topic mood flavor grade_name level_name
author_name vendor_name manager host driver artist editor maker source target format theme method role
position state province continent currency model_name series_name nickname surname job_title team_name
sponsor_name venue_name group_name section_name route_name payment_method cuisine species_name fabric
texture pattern medium channel_name platform reason outcome priority_name stage_name cabin_class
"""
_INTEGER_COLUMNS = """
age quantity stock year pages seats floors rooms wins losses points visits stars goals likes views
copies members employees students beds doors wheels capacity population distance duration speed height
width depth mileage salary budget rank size count units orders shares votes calls trips laps rounds
errors attempts minutes hours days weeks months bedrooms tickets guests credits strength score_total
bonus_points floor_number shelf_number max_load min_age page_count seat_count head_count lot_number
"""
_REAL_COLUMNS = """
price weight rating cost score length area volume discount tax fee rate balance amount temperature
humidity pressure income profit revenue share ratio gpa total margin interest deposit_amount rent wage
tip_amount unit_price net_price dose density voltage growth
"""
_DATE_COLUMNS = """
created_on start_date end_date birth_date hired_on due_date signed_on opened_on updated_on shipped_on
paid_on release_date founded_on expires_on joined_on departure_date arrival_date closed_on
"""
_FLAG_COLUMNS = """
active paid open available verified married public broken shipped featured archived insured renewable
vegetarian refundable waterproof enabled locked visible
"""
_PEOPLE = """
Aaron Abigail Ada Adam Agnes Aisha Alan Albert Alex Alice Alma Amara Amir Amy Ana Andre Angela Anika
Anna Anton Aria Arthur Asha Astrid Aya Beatrix Ben Bianca Boris Brian Bruno Camila Carl Carla Carmen
Cecil Chen Chloe Clara Cora Cyrus Daisy Dana Daniel Dara David Dean Diego Dina Doris Dylan Edgar Edith
Elena Eli Elif Eliza Ella Elsa Emil Emma Enzo Eric Erin Esther Ethan Eva Farid Fatima Felix Fiona Flora
Frank Freya Gabriel Gemma George Gina Grace Greta Gustav Hanna Hans Harry Hassan Hazel Hector Heidi
Helen Henry Hugo Ian Ida Igor Ilse Imran Ines Ingrid Irene Iris Isaac Ivan Ivy Jack Jade James Jana
Jasmine Jason Javier Jean Jenna Jin Joan Joel John Jonas Jorge Josef Judith Julia Kai Kamal Karen Karl
Kate Kenji Kiran Klara Kofi Lara Lars Laura Lea Leila Lena Leo Liam Lidia Lina Linda Lisa Lola Lorenzo
Louis Lucas Lucy Luis Luna Magnus Malik Marco Maria Marie Mark Marta Mateo Maya Megan Mei Mia Mila Milo
Mira Mohan Mona Nadia Naomi Nathan Nia Nico Nina Noah Nora Oleg Olga Oliver Omar Oscar Otto Pablo Paul
Paula Pedro Petra Pia Priya Quinn Rafael Raj Ramona Ravi Rita Robert Rosa Ruby Ruth Sabine Sam Samir
Sara Sasha Selma Sergio Silas Simon Sofia Sonia Stella Sven Tara Tessa Theo Tim Tina Tomas Uma Ursula
Vera Victor Vikram Wanda Wendy Yara Yuki Yusuf Zara Zoe
"""
_SURNAMES = """
Abbott Adler Ahmed Allen Alvarez Baker Becker Bell Berger Brandt Brooks Burke Carter Castro Chandra
Clark Cohen Costa Cruz Dahl Diaz Dixon Dubois Eriksen Evans Fischer Flores Foster Fuchs Garcia Gomez
Grant Greene Haas Hansen Harris Hoffman Hughes Ivanov Jansen Jensen Kaplan Keller Khan Klein Kumar Lang
Larsen Lee Lopez Maier Marino Martin Meyer Mills Moore Moreno Nakamura Novak Okafor Olsen Ortiz Parker
Patel Perez Price Quist Ramos Reed Reyes Rossi Ruiz Santos Sato Schmidt Silva Singh Stone Suzuki Tanaka
Turner Vargas Vogel Wagner Walsh Weber Wood Yamada Young Zhang Ziegler
"""
_CITIES = """
Accra Adelaide Algiers Amsterdam Ankara Antwerp Athens Atlanta Austin Baku Baltimore Bangkok Barcelona
Basel Beirut Belfast Belgrade Bergen Berlin Bern Bilbao Bogota Bologna Boston Bremen Brisbane Bristol
Brussels Budapest Cairo Calgary Cardiff Chicago Cologne Copenhagen Cork Dakar Dallas Delhi Denver
Detroit Doha Dresden Dubai Dublin Durban Edinburgh Florence Frankfurt Geneva Genoa Ghent Glasgow
Gothenburg Granada Hamburg Hanoi Hanover Havana Helsinki Houston Istanbul Jakarta Kiel Kigali Krakow
Kyoto Lagos Leeds Leipzig Lille Lima Lisbon Ljubljana London Lyon Madrid Malaga Malmo Manila Marseille
Melbourne Memphis Miami Milan Minsk Montreal Moscow Mumbai Munich Nairobi Nantes Naples Nice Odessa
Osaka Oslo Ottawa Oxford Palermo Paris Perth Phoenix Porto Prague Quito Rabat Reykjavik Riga Rome
Rotterdam Salzburg Santiago Seattle Seoul Seville Shanghai Singapore Sofia Stockholm Sydney Taipei
Tallinn Tbilisi Tokyo Toronto Toulouse Trieste Tunis Turin Utrecht Valencia Vancouver Venice Vienna
Vilnius Warsaw Wellington York Zagreb Zurich
"""
_COLORS = """
red blue green yellow black white orange purple pink brown gray silver gold teal navy olive maroon cyan
beige violet indigo coral ivory amber scarlet turquoise
"""
_ADJECTIVES = """
active big bold brave bright broad calm careful cheap clean clear clever closed cold cool crisp daily
dark deep digital direct dry eager early easy empty equal exact extra fair famous fast final fine firm
first flat formal free fresh full general gentle giant global grand great happy hard heavy hidden high
huge hungry hybrid ideal idle inner joint junior keen kind large late lazy legal light little local
lonely long loose loud lower lucky main major manual mild minor mixed modern monthly narrow new nice
noble noisy normal odd official old open optional orange outer partial past perfect plain polite poor
popular pretty prime private proper proud public pure quick quiet rapid rare raw ready real recent
regional remote rich rough round rural safe secret senior shallow sharp short shy silent simple single
slow small smart smooth soft solid special stable steady steep strong sweet swift tall tender thick
thin tidy tiny tough tropical upper urban urgent vague vast visual vital warm weak weekly wet wide wild
wise yearly young
"""
_RELATIONS = """
OWNS BOUGHT WROTE LIKES FOLLOWS KNOWS MANAGES TEACHES VISITED RATED WORKS_FOR LIVES_IN BELONGS_TO
ACTED_IN DIRECTED PLAYS_FOR LOCATED_IN PART_OF SELLS SUPPLIES RENTED REVIEWED ATTENDED JOINED LEADS
CREATED USES CONTAINS DELIVERED ORDERED TRAVELS_TO STUDIES_AT MARRIED_TO SPONSORS HOSTS REPORTS_TO
CONNECTS_TO DEPENDS_ON TREATS DRIVES BUILT OPENED SIGNED WON SUPPORTS PRODUCES REPAIRED
"""
_VERBS = """
add ask bake book bring build buy call carry catch change check choose clean climb close collect compare
cook copy count cover create cut deliver design draw drive eat explain explore fill find fix fold follow
gather grow guide hang help hide hold invite join jump keep learn leave lift listen load look make
measure meet mix move note open order pack paint pick plan plant play point pour prepare press pull push
read record repair rest return ride save search sell send serve share show sing sit sort speak start
stay stop store study swim take talk taste teach test travel try turn visit wait walk wash watch wear
win wrap write
"""
_STATUSES = """
pending shipped cancelled delivered draft approved rejected new closed paused expired confirmed failed
completed waiting blocked planned running retired sold reserved missing damaged final
"""
_SYLLABLES = """
ba be bi bo bu ca ce co da de di do du fa fe fi fo ga ge go gu ha he hi ho ja jo ka ke ki ko ku la le 
li lo lu ma me mi mo mu na ne ni no nu pa pe pi po ra re ri ro ru sa se si so su ta te ti to tu va ve 
vi vo wa we wi xa ya yo za ze zi zo
"""

_LISTS: dict[str, tuple[str, ...]] = {
    "thing": tuple(_THINGS.split()),
    "text_column": tuple(_TEXT_COLUMNS.split()),
    "integer_column": tuple(_INTEGER_COLUMNS.split()),
    "real_column": tuple(_REAL_COLUMNS.split()),
    "date_column": tuple(_DATE_COLUMNS.split()),
    "flag_column": tuple(_FLAG_COLUMNS.split()),
    "person": tuple(_PEOPLE.split()),
    "surname": tuple(_SURNAMES.split()),
    "city": tuple(_CITIES.split()),
    "color": tuple(_COLORS.split()),
    "adjective": tuple(_ADJECTIVES.split()),
    "relation": tuple(_RELATIONS.split()),
    "verb": tuple(_VERBS.split()),
    "status": tuple(_STATUSES.split()),
}


def is_held_out(word: str) -> bool:
    """Whether this word, or any part of a compound, is kept from training."""
    pieces = word.lower().replace("-", "_").split("_")
    return any(zlib.crc32(piece.encode()) % 100 < HELD_OUT_PERCENT for piece in pieces if piece)


@cache
def words(kind: str, part: str = "all") -> tuple[str, ...]:
    """The words of one kind: `part` is "train", "held_out" or "all"."""
    return tuple(word for word in _LISTS[kind] if in_part(word, part))


def in_part(word: str, part: str) -> bool:
    if part == "all":
        return True
    return is_held_out(word) == (part == "held_out")


# Nouns of these lists whose plural no ending tells; compounds end in them.
_IRREGULAR = {
    **{"person": "people", "mouse": "mice", "sheep": "sheep", "fish": "fish", "species": "species", "series": "series"},
    **{"knife": "knives", "leaf": "leaves", "shelf": "shelves", "wolf": "wolves"},
}


def plural(noun: str) -> str:
    last = re.split("[_ ]", noun)[-1]
    if last in _IRREGULAR:
        return noun.removesuffix(last) + _IRREGULAR[last]
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def thing(rng: random.Random, part: str = "all") -> str:
    """A singular noun, sometimes a compound such as `order_item` or `daily_report`."""
    noun = rng.choice(words("thing", part))
    chance = rng.random()
    if chance < 0.15:
        return f"{rng.choice(words('thing', part))}_{noun}"
    if chance < 0.25:
        return f"{rng.choice(words('adjective', part))}_{noun}"
    return noun


def invented(rng: random.Random, part: str = "all") -> str:
    """A pronounceable word that no list holds, such as `kuvero`."""
    return _until(
        lambda: "".join(rng.choices(_SYLLABLES.split(), k=rng.choice((2, 2, 3, 3, 4)))),
        part,
    )


def code(rng: random.Random, part: str = "all") -> str:
    """An identifier such as `KR-4821`, `a9x` or `INV2041`."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    shapes: tuple[Callable[[], str], ...] = (
        lambda: f"{''.join(rng.choices(letters, k=2))}-{rng.randint(10, 9999)}",
        lambda: f"{rng.choice(letters)}{rng.randint(1, 999)}",
        lambda: f"{''.join(rng.choices(letters, k=3))}{rng.randint(100, 9999)}",
        lambda: f"{rng.choice('abcdefghk')}{rng.randint(1, 99)}{rng.choice('abcdefghk')}",
    )
    return _until(rng.choice(shapes), part)


def full_name(rng: random.Random, part: str = "all") -> str:
    return f"{rng.choice(words('person', part))} {rng.choice(words('surname', part))}"


def date(rng: random.Random) -> str:
    return f"{rng.randint(1990, 2029)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def text_value(rng: random.Random, part: str = "all", column: str = "") -> str:
    """A short value that could stand in a text column, apt to the column's name when it says so."""
    for word, kind in (("city", "city"), ("color", "color"), ("status", "status")):
        if word in column:
            return rng.choice(words(kind, part))
    choice = rng.random()
    if "name" in column or "owner" in column or column in ("author", "host", "driver", "manager"):
        return full_name(rng, part) if choice < 0.4 else rng.choice(words("person", part))
    if choice < 0.2:
        return rng.choice(words("city", part))
    if choice < 0.4:
        return rng.choice(words("person", part))
    if choice < 0.55:
        return rng.choice(words("adjective", part))
    if choice < 0.7:
        return f"{rng.choice(words('adjective', part))} {rng.choice(words('thing', part))}"
    if choice < 0.8:
        return rng.choice(words("thing", part)).capitalize()
    if choice < 0.9:
        return invented(rng, part).capitalize()
    return code(rng, part)


def _until(draw: Callable[[], str], part: str) -> str:
    while True:
        word = draw()
        if in_part(word, part):
            return word
