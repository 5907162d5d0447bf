"""Sentences to train and to measure on: DaNE's, the same with other people and places in them, and invented calls."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from entities import Entities
from noise import Token, cut, heard

HERE = Path(__file__).parent
SLOT = re.compile(r"\{([A-Z])\}|\[\[HEALTH:(.*?)\]\]")
LABELS = ("PER", "LOC", "ORG", "ADR", "HEALTH")
NAMED = ("PER", "LOC", "ORG")
"""What the treebanks' own labels are."""
PRODUCTS = """
    indboforsikring|husforsikring|bilforsikring|ulykkesforsikring|rejseforsikring|hundeforsikring|cykelforsikring|
    bådforsikring|fritidshusforsikring|kaskoforsikring|ansvarsforsikring|sundhedsforsikring|campingvognsforsikring|
    skadeafdelingen|kundeservice|erhvervsforsikring|familieforsikring|heste forsikring|indbo forsikringen|bilafdelingen
""".replace("\n", "").replace("    ", "").split("|")
BRANDS = """
    Tryg|Topdanmark|Alka|Codan|Alm Brand|Gjensidige|Volkswagen Golf|Toyota Yaris|Skoda Octavia|Ford Focus|Peugeot 208|
    Tesla|BMW|Audi|Kia Ceed|Opel Corsa|Mazda|Fiat|Volvo|iPhone|Samsung|Bosch|Siemens|Miele|Sony|Trek|Nissan Qashqai|
    Citroen Berlingo|Renault Clio|Hyundai|Suzuki Swift|Honda|Mercedes|Falck|Postnord|Lenovo|Bang og Olufsen|Yamaha
""".replace("\n", "").replace("    ", "").split("|")
COUNTRIES = "Tyskland|Sverige|Norge|Spanien|Italien|Frankrig|Thailand|Tyrkiet|Grækenland|USA|Polen|Kroatien|Østrig|England|Bali|Gran Canaria|Mallorca|Portugal|Egypten|Kina".split("|")
WEEKDAYS = "mandag tirsdag onsdag torsdag fredag lørdag søndag".split()
MONTHS = "januar februar marts april maj juni juli august september oktober november december".split()
ONES = "en to tre fire fem seks syv otte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten".split()
TENS = {2: "tyve", 3: "tredive", 4: "fyrre", 5: "halvtreds", 6: "tres", 7: "halvfjerds", 8: "firs", 9: "halvfems"}


def spoken(number: int) -> str:
    """A number below a million in Danish words."""
    if number < 20:
        return ONES[number - 1] if number else "nul"
    if number < 100:
        tens = TENS[number // 10]
        return f"{('og').join([ONES[number % 10 - 1], tens])}" if number % 10 else tens
    if number < 1000:
        rest = f" og {spoken(number % 100)}" if number % 100 else ""
        return f"{ONES[number // 100 - 1]} hundrede{rest}"
    return f"{spoken(number // 1000)} tusind {spoken(number % 1000) if number % 1000 else ''}".strip()


def read(path: Path) -> list[list[Token]]:
    """Sentences of a file in IOB2, UNER's (number, word, tag) or DaN+'s (word, tag, nested tag); PER, LOC and ORG only."""
    sentences: list[list[Token]] = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        if not line.strip():
            sentences.append([])
        elif len(fields) >= 2 and not (line.startswith("# ") and len(fields) == 1):
            word, tag = (fields[1], fields[2]) if fields[0].isdigit() and len(fields) > 3 else (fields[0], fields[1])
            whole = tag[2:] in NAMED
            sentences[-1].append((word, tag if whole else "O"))
    return [sentence for sentence in sentences if sentence]


def replaced(sentence: list[Token], entities: Entities) -> list[Token]:
    """The sentence with other people, places and firms in it."""
    out: list[Token] = []
    index = 0
    while index < len(sentence):
        word, tag = sentence[index]
        end = index + 1
        while tag != "O" and end < len(sentence) and sentence[end][1] == "I" + tag[1:]:
            end += 1
        if tag == "O" or entities.random.random() < 0.3:
            out += sentence[index:end]
        else:
            out += tagged(_another(tag[2:], end - index, word, entities), tag[2:])
        index = end
    return out


def tagged(text: str, label: str | None) -> list[Token]:
    words = text.split()
    if not label:
        return [(word, "O") for word in words]
    return [(word, ("I-" if index else "B-") + label) for index, word in enumerate(words)]


def call_sentence(templates: list[str], situations: list[str], entities: Entities) -> list[Token]:
    """One invented sentence of a call, or two after each other."""
    draw = entities.random
    out: list[Token] = []
    for _ in range(draw.choice([1, 1, 2, 3])):
        sentence: list[Token] = []
        position, template = 0, draw.choice(templates).replace(" | ", " ")
        for slot in SLOT.finditer(template):
            sentence = _joined(sentence, template[position : slot.start()])
            sentence += tagged(slot[2], "HEALTH") if slot[2] else _filled(slot[1], situations, entities)
            position = slot.end()
        sentence = _joined(sentence, template[position:])
        if sentence and draw.random() < 0.4:
            first, tag = sentence[0]
            sentence[0] = (first[:1].upper() + first[1:], tag)
            sentence.append((draw.choice([".", ".", ",", "?"]), "O"))
        out += sentence
    return out


def _joined(sentence: list[Token], text: str) -> list[Token]:
    """The sentence with more text, whose first letters belong to its last word where no space is between ("{F}s bil")."""
    ending = re.match(r"\w*", text)[0] if sentence else ""
    if ending:
        word, tag = sentence[-1]
        sentence = [*sentence[:-1], (word + ending, tag)]
    return sentence + tagged(text[len(ending) :], None)


def plain(folder: Path) -> list[list[Token]]:
    """Sentences of insurance terms (`*.md`): words of the trade that are nobody's name."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md")))
    pieces = re.split(r"(?<=[.:;?!])\s+|\n+", re.sub(r"[#*|`>_-]+", " ", text))
    return [tagged(" ".join(re.findall(r"\w+|[.,;:]", piece)), None) for piece in pieces if len(piece.split()) > 3]


def training(dane: Path, terms: Path, entities: Entities, calls: int) -> Iterator[list[Token]]:
    """One pass: every DaNE sentence as it is heard, with others in it, the terms, and as many call sentences as asked for."""
    draw = entities.random
    templates = [
        line
        for path in sorted((HERE / "sentences").glob("*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    situations = (HERE / "situations.txt").read_text(encoding="utf-8").splitlines()
    sentences: list[list[Token]] = []
    for sentence in read(dane):
        sentences.append(heard(sentence if draw.random() < 0.5 else replaced(sentence, entities), draw))
        if any(tag != "O" for _, tag in sentence):
            sentences += [cut(heard(replaced(sentence, entities), draw), draw) for _ in range(2)]
    sentences += [cut(heard(sentence, draw), draw) for sentence in plain(terms)]
    for _ in range(calls):
        sentences.append(cut(heard(call_sentence(templates, situations, entities), draw), draw))
    draw.shuffle(sentences)
    yield from sentences


def _another(label: str, length: int, word: str, entities: Entities) -> str:
    if label == "PER":
        name = entities.full_name() if length > 1 else _one_name(entities)
        return name + ("s" if length == 1 and word.endswith("s") and not name.endswith("s") else "")
    if label == "LOC":
        return entities.town() if entities.random.random() < 0.8 else entities.street()
    return entities.firm()


def _one_name(entities: Entities) -> str:
    return entities.first_name() if entities.random.random() < 0.6 else entities.last_name()


def _filled(slot: str, situations: list[str], entities: Entities) -> list[Token]:
    draw = entities.random
    if slot in "PFL":
        name = {"P": entities.full_name, "F": entities.first_name, "L": entities.last_name}[slot]()
        return tagged(name, "PER")
    if slot == "T":
        return tagged(entities.town(), "LOC")
    if slot == "R":
        return tagged(entities.street(), "ADR")
    if slot == "A":
        return tagged(f"{entities.street()} {_house(draw)}", "ADR")
    if slot == "O":
        return tagged(entities.firm(), "ORG")
    return tagged(_plain(slot, situations, entities), None)


def _house(draw: random.Random) -> str:
    number = draw.randrange(1, 250)
    text = str(number) if draw.random() < 0.5 else spoken(number)
    floors = ["", "", "", " b", " st tv", " 2 th", " anden sal", " tredje til venstre", " stuen til højre", " 1. mf"]
    return text + draw.choice(floors)


def _plain(slot: str, situations: list[str], entities: Entities) -> str:
    draw = entities.random
    match slot:
        case "K":
            return draw.choice(PRODUCTS)
        case "B":
            return draw.choice(BRANDS)
        case "C":
            return draw.choice(COUNTRIES)
        case "S":
            return draw.choice(situations)
        case "W":
            return draw.choice(WEEKDAYS)
        case "D":
            return f"{draw.randrange(1, 32)}. {draw.choice(MONTHS)}"
        case "Y":
            return str(draw.randrange(1995, 2026))
        case "H":
            number = draw.randrange(1, 99)
            return str(number) if draw.random() < 0.5 else spoken(number)
        case "M":
            amount = draw.randrange(100, 90_000)
            return str(amount) if draw.random() < 0.5 else spoken(amount)
        case "Z":
            code = draw.randrange(1000, 9990)
            return str(code) if draw.random() < 0.5 else f"{spoken(code // 100)} {spoken(code % 100)}"
        case "N":
            digits = [draw.randrange(0, 100) for _ in range(draw.choice([2, 3, 4, 5]))]
            return " ".join(spoken(pair) if draw.random() < 0.5 else f"{pair:02}" for pair in digits)
        case "E":
            user = entities.first_name().lower()
            host = draw.choice(["gmail", "hotmail", "outlook", "mail", "live"])
            return draw.choice([f"{user}@{host}.dk", f"{user} snabel a {host} punktum dk"])
    raise ValueError(f"no slot is called {slot}")
