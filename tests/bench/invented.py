"""Invented calls in the marked format, by the thousand: `python tests/bench/invented.py SEED LINES > FILE.jsonl` (needs Faker).

Scenes of two to six turns, said in four styles: as written, in number words, as a recogniser hears, and fast. Neither the
sentences nor the names' order were taken from what the name model was trained on. A seed gives the same calls each time.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable

from faker import Faker

MARK = re.compile(r"\[\[([A-Z_]+):(.*?)\]\]")
A, C = "agent", "customer"
Turn = tuple[str, str]
Scene = Callable[["Caller"], list[Turn]]
LOCALES = ["da_DK"] * 6 + ["tr_TR", "pl_PL", "en_PK", "id_ID", "vi_VN", "hr_HR", "de_DE", "en_US", "ro_RO"]
ONES = (
    "nul en to tre fire fem seks syv otte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten".split()
)
TENS = {2: "tyve", 3: "tredive", 4: "fyrre", 5: "halvtreds", 6: "tres", 7: "halvfjerds", 8: "firs", 9: "halvfems"}
ORDINALS = (
    "første anden tredje fjerde femte sjette syvende ottende niende tiende ellevte tolvte trettende fjortende femtende "
    "sekstende syttende attende nittende tyvende enogtyvende toogtyvende treogtyvende fireogtyvende femogtyvende "
    "seksogtyvende syvogtyvende otteogtyvende"
).split()
MONTHS = "januar februar marts april maj juni juli august september oktober november december".split()
STREETS = (
    "Engdraget|Rosenlundsvej|Præstebakken|Vestre Ringgade|H.C. Andersens Boulevard|Sct. Jørgens Gade|Kildemosevej|"
    "Nygårdsparken|Toldbodgade|Smedetoften|Åboulevarden|Gl. Landevej|Mosevænget|Fyrrekrogen|Klintevej|Hovedgaden|"
    "Søndre Tværvej|Kærsangervej|Pilealléen|Bredstræde|Dronning Margrethes Vej|Skolebakken|Falkoner Alle|Ørnevænget"
).split("|")
TOWNS = (
    "Vojens|Skærbæk|Hornslet|Løkken|Nibe|Ølstykke|Store Heddinge|Nykøbing Falster|Tisvilde|Gørlev|Fåborg|Årup|Ejby|"
    "Ry|Them|Aulum|Vildbjerg|Ulfborg|Thyborøn|Aabybro|Hjallerup|Dronninglund|Sæby|Rønne|Svaneke|Humlebæk|Allerød"
).split("|")
FIRMS = (
    "Kragelunds Tømrer og Snedker|Havnens Fiskehus ApS|Brødrene Mikkelsen|Vestkystens Vognmænd|Salon Klippoteket|"
    "Dahls Revision|Murermester Thygesen|Solgårdens Planteskole|Grejsdal Savværk|Byens Bageri|Hirtshals Smedje A/S|"
    "Anker og Søn|Nordals Autocenter|Tandlægerne Bredgade|Ishøj Dyreklinik"
).split("|")
HEALTH = (
    "sukkersyge|diskusprolaps|brystkræft|kronisk migræne|forhøjet blodtryk|blodprop i benet|leddegigt|epilepsi|"
    "depression|angst|KOL|sklerose|hjernerystelse|astma|forhøjet kolesterol|tinnitus|stress"
).split("|")
INJURIES = (
    "brækkede håndleddet|forstuvede anklen|slog knæet|forstuvede håndleddet|brækkede to ribben|slog hovedet".split("|")
)
PRODUCTS = "indboforsikring|bilforsikring|husforsikring|rejseforsikring|hundeforsikring|ulykkesforsikring".split("|")
CARS = "Skoda Fabia|VW Golf|Toyota Aygo|Peugeot 308|Ford Kuga|Tesla Model 3|Kia Ceed|Hyundai i10|Volvo V60".split("|")
ABROAD = "Tyrkiet|Spanien|Thailand|Norge|Italien|Grækenland|USA".split("|")


def marked(label: str, text: str) -> str:
    return f"[[{label}:{text}]]"


def words(number: int) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        return (f"{ONES[number % 10]}og" if number % 10 else "") + TENS[number // 10]
    if number < 1000:
        rest = f" og {words(number % 100)}" if number % 100 else ""
        return f"{ONES[number // 100].replace('en', 'et')} hundrede{rest}"
    return f"{words(number // 1000)} tusind{' ' + words(number % 1000) if number % 1000 else ''}"


class Caller:
    """Somebody with everything a call asks for; `style` decides how it is said."""

    def __init__(self, draw: random.Random, fakers: list[Faker]) -> None:
        self.draw = draw
        self.style = draw.choice(["written", "words", "heard", "fast"])
        self._fakers = fakers

    def one(self, *options: str) -> str:
        return self.draw.choice(options)

    def first(self) -> str:
        return self.draw.choice(self._fakers).first_name().split()[0]

    def last(self) -> str:
        return self.draw.choice(self._fakers).last_name().split()[-1]

    def name(self) -> str:
        faker = self.draw.choice(self._fakers)
        parts = [faker.first_name().split()[0], faker.last_name().split()[-1]]
        if self.draw.random() < 0.15:
            parts.insert(1, self.last())
        return " ".join(parts)

    def digits(self, count: int, first: str = "123456789") -> str:
        return self.draw.choice(first) + "".join(self.draw.choice("0123456789") for _ in range(count - 1))

    def said(self, digits: str) -> str:
        """Digits in pairs, one by one, or with a doubled one; written where the style is to write."""
        if self.style == "written":
            return digits
        if self.draw.random() < 0.3:
            return " ".join(ONES[int(each)] for each in digits)
        out = []
        for start in range(0, len(digits), 2):
            pair = digits[start : start + 2]
            if len(pair) == 2 and pair[0] == pair[1] and self.draw.random() < 0.3:
                out.append(f"dobbelt {ONES[int(pair[0])]}")
            elif len(pair) == 2 and pair[0] != "0":
                out.append(words(int(pair)))
            else:
                out += [ONES[int(each)] for each in pair]
        if self.draw.random() < 0.2 and len(out) > 2:
            out.insert(2, self.one("øh", "ja", "og så"))
        return " ".join(out)

    def date(self) -> tuple[int, int, int]:
        return self.draw.randint(1, 28), self.draw.randint(1, 12), self.draw.randint(1935, 2004)

    def cpr(self) -> tuple[str, str]:
        day, month, year = self.date()
        return f"{day:02}{month:02}{year % 100:02}", self.digits(4, "0123456789")

    def address(self) -> str:
        number = self.draw.randint(1, 180)
        floor = (
            self.one("", "", ", 2. tv", ", st. th", " B")
            if self.style == "written"
            else self.one("", "", " anden sal", " stuen til venstre")
        )
        return f"{self.draw.choice(STREETS)} {number if self.style == 'written' else words(number)}{floor}"

    def town(self) -> str:
        return self.draw.choice(TOWNS)

    def mail(self) -> str:
        user, host = self.first().lower(), self.one("gmail", "hotmail", "live", "outlook", "yahoo")
        ending = self.one("com", "dk")
        if self.style == "written":
            return f"{user}.{self.last().lower()}@{host}.{ending}"
        return f"{user}{self.one('', ' punktum ' + self.last().lower(), ' ' + words(self.draw.randint(10, 99)))} {self.one('snabel-a', 'snabel a')} {host} punktum {ending}"

    def amount(self) -> str:
        number = self.draw.randint(2, 900) * 100
        return f"{number:,}".replace(",", ".") if self.style == "written" else words(number)


def greeting(it: Caller) -> list[Turn]:
    agent, customer = marked("PERSON", it.first()), marked("PERSON", it.name())
    return [
        (
            A,
            it.one(
                f"Velkommen til skadeservice, mit navn er {agent}.",
                f"Goddag, det er {agent}, hvad kan jeg gøre for dig?",
                f"Du taler med {agent}.",
            ),
        ),
        (
            C,
            it.one(
                f"Hej {agent}, det er {customer}.",
                f"Ja, goddag, mit navn er {customer}.",
                f"Det er {customer}, jeg har et spørgsmål til min {it.draw.choice(PRODUCTS)}.",
                f"Jo, jeg hedder {customer}, og jeg har haft et uheld.",
            ),
        ),
    ]


def damage(it: Caller) -> list[Turn]:
    car, where, town = (
        it.draw.choice(CARS),
        it.one("på en parkeringsplads", "i en rundkørsel", "ved en tankstation"),
        marked("LOCATION", it.town()),
    )
    return [
        (
            C,
            it.one(
                f"Jeg blev påkørt bagfra {where} i {town}, det er en {car}.",
                f"Nogen har ridset min {car} {where} ved {town}.",
                f"Vi kom fra {town} og så ramte vi et rådyr.",
            ),
        ),
        (A, it.one("Hvornår skete det?", "Er der sket personskade?", "Har du billeder af det?")),
        (
            C,
            it.one(
                "Det var i lørdags ved firetiden.",
                f"Det var den {ORDINALS[it.draw.randint(0, 27)]} {it.draw.choice(MONTHS)}.",
                "Nej, heldigvis ikke.",
                "Ja, jeg tog nogle billeder med telefonen.",
            ),
        ),
    ]


def cpr_whole(it: Caller) -> list[Turn]:
    birth, rest = it.cpr()
    number = f"{birth}-{rest}" if it.style == "written" else f"{it.said(birth)} {it.said(rest)}"
    return [
        (A, it.one("Må jeg bede om dit CPR-nummer?", "Hvad er dit personnummer?", "Så skal jeg bruge de ti cifre.")),
        (C, it.one("", "Ja, det er ", "Det er ", "Øh, ") + marked("CPR", number) + "."),
    ]


def cpr_pieces(it: Caller) -> list[Turn]:
    birth, rest = it.cpr()
    pieces = [birth[:2], birth[2:4], birth[4:], rest]
    turns: list[Turn] = [(A, it.one("Hvad er dit CPR-nummer?", "Må jeg få dit cpr nummer?"))]
    for piece in pieces:
        turns += [(C, marked("CPR", it.said(piece)) + "."), (A, it.one("Ja?", "Ja.", "Mm.", "Okay."))]
    whole = marked("CPR", it.said(birth) + " " + it.said(rest))
    begin, end = it.one("Altså", "Så det er", "Jeg gentager"), it.one("er det rigtigt?", "tak.")
    return [*turns[:-1], (A, f"{begin} {whole}, {end}")]


def phone(it: Caller) -> list[Turn]:
    number = it.digits(8, "23456789")
    written = it.one(number, " ".join(number[start : start + 2] for start in (0, 2, 4, 6)))
    said = marked("PHONE", written if it.style == "written" else it.said(number))
    return it.draw.choice([
        [(A, "Hvilket nummer kan vi træffe dig på?"), (C, f"{said}."), (A, f"{said}, modtaget.")],
        [(C, f"I kan fange mig på {said} hele dagen.")],
        [(C, f"Min mobil er {said}.")],
    ])  # fmt: skip


def corrected(it: Caller) -> list[Turn]:
    right = it.digits(8, "23456789")
    return [
        (A, "Dit telefonnummer?"),
        (
            C,
            f"{marked('PHONE', it.said(right[:4]))}, {it.one('nej undskyld', 'nej vent', 'jeg mener')}, {marked('PHONE', it.said(right))}.",
        ),
    ]


def address(it: Caller) -> list[Turn]:
    street, town = marked("ADDRESS", it.address()), it.town()
    code = it.digits(4, "123456789")
    there = marked(
        "LOCATION", f"{code if it.style == 'written' else words(int(code[:2])) + ' ' + words(int(code[2:]))} {town}"
    )
    return it.draw.choice([
        [(A, "Og hvad er din adresse?"), (C, f"Det er {street}, {there}.")],
        [(C, f"Vi er lige flyttet til {street}, {there}.")],
        [(A, "Hvor skal vi sende det hen?"), (C, f"Til {street} i {marked('LOCATION', town)}.")],
        [(C, f"Jeg har købt hus på {street}.")],
    ])  # fmt: skip


def address_pieces(it: Caller) -> list[Turn]:
    number = it.draw.randint(2, 150)
    return [
        (A, it.one("Hvor bor du?", "Hvad hedder vejen?")),
        (C, marked("ADDRESS", it.draw.choice(STREETS)) + "."),
        (A, it.one("Nummer?", "Hvilket nummer?")),
        (C, marked("ADDRESS", str(number) if it.style == "written" else words(number)) + "."),
        (A, "Og postnummer?"),
        (
            C,
            marked(
                "LOCATION",
                f"{it.digits(4)} {it.town()}"
                if it.style == "written"
                else f"{words(int(it.digits(2)))} {words(int(it.digits(2)))} {it.town()}",
            )
            + ".",
        ),
    ]


def mail(it: Caller) -> list[Turn]:
    return it.draw.choice([
        [(A, "Hvilken mailadresse må jeg skrive til?"), (C, marked("EMAIL", it.mail()) + ".")],
        [(C, f"Send det bare til {marked('EMAIL', it.mail())}.")],
        [(C, f"Min e-mail er {marked('EMAIL', it.mail())}.")],
    ])  # fmt: skip


def birthday(it: Caller) -> list[Turn]:
    day, month, year = it.date()
    text = (
        f"{day}. {MONTHS[month - 1]} {year}"
        if it.style == "written"
        else f"{ORDINALS[day - 1]} {MONTHS[month - 1]} {words(year // 100)} hundrede og {words(year % 100)}"
    )
    return it.draw.choice([
        [(A, "Hvornår er du født?"), (C, f"Den {marked('DATE_OF_BIRTH', text)}.")],
        [(C, f"Hun er født den {marked('DATE_OF_BIRTH', text)}.")],
    ])  # fmt: skip


def policy(it: Caller) -> list[Turn]:
    number = it.digits(it.draw.randint(6, 9))
    label, ask = it.draw.choice([("POLICY", "policenummer"), ("CLAIM", "skadenummer"), ("CLAIM", "sagsnummer")])
    return it.draw.choice([
        [(A, f"Har du et {ask}?"), (C, f"Ja, {marked(label, it.said(number))}.")],
        [(C, f"Mit {ask} er {marked(label, it.said(number))}.")],
    ])  # fmt: skip


def bank(it: Caller) -> list[Turn]:
    register, account = it.digits(4), it.digits(10)
    kind = it.draw.randint(0, 3)
    if kind == 0:
        return [
            (A, "Hvilken konto skal pengene ind på?"),
            (
                C,
                f"Registreringsnummer {marked('ACCOUNT', it.said(register))} og kontonummer {marked('ACCOUNT', it.said(account))}.",
            ),
        ]
    if kind == 1:
        card = it.digits(16, "45")
        return [(C, f"Mit kortnummer er {marked('CARD', it.said(card))}.")]
    if kind == 2:
        return [
            (A, "Har du IBAN-nummeret?"),
            (
                C,
                f"{marked('IBAN', 'DK' + self_spaced(it.digits(16)))}."
                if it.style == "written"
                else f"Det er {marked('IBAN', 'd k ' + it.said(it.digits(16)))}.",
            ),
        ]
    return [(A, "Pasnummeret?"), (C, f"{marked('PASSPORT', it.said(it.digits(9, '2')))}.")]


def self_spaced(digits: str) -> str:
    return digits[:2] + " " + " ".join(digits[start : start + 4] for start in range(2, len(digits), 4))


def car(it: Caller) -> list[Turn]:
    letters = "".join(it.draw.choice("ABCDEHJKLMNPRSTUVXYZ") for _ in range(2))
    number = it.digits(5)
    plate = (
        f"{letters} {number[:2]} {number[2:]}"
        if it.style == "written"
        else f"{letters[0]} {letters[1]} {it.said(number)}"
    )
    return it.draw.choice([
        [(A, "Hvad er registreringsnummeret?"), (C, f"{marked('PLATE', plate)}.")],
        [(C, f"Bilen har nummerplade {marked('PLATE', plate)}.")],
    ])  # fmt: skip


def family(it: Caller) -> list[Turn]:
    who = marked("PERSON", it.first())
    full = marked("PERSON", it.name())
    return it.draw.choice([
        [(C, f"Det var min søn {who} der kørte.")],
        [(C, f"Min kone hedder {full}, hun står også på policen.")],
        [(C, f"Jeg talte med {full} hos jer i sidste uge.")],
        [(A, f"Tak for det, {who}.")],
        [(C, f"Og så var der et vidne, {full}, som så det hele.")],
        [(A, "Hvad hedder modparten?"), (C, f"{full}.")],
        [(A, "Er der andre på forsikringen?"), (C, f"Ja, {who} og {marked('PERSON', it.first())}.")],
        [(C, f"{who} ringer til jer i morgen.")],
    ])  # fmt: skip


def spelled(it: Caller) -> list[Turn]:
    last = it.last()
    return [(A, "Hvordan staves efternavnet?"), (C, marked("PERSON", " ".join(last.lower())) + ".")]


def work(it: Caller) -> list[Turn]:
    firm = marked("ORG", it.draw.choice(FIRMS))
    return it.draw.choice([
        [(A, "Hvor arbejder du?"), (C, f"Hos {firm}.")],
        [(C, f"Jeg er ansat hos {firm} i {marked('LOCATION', it.town())}.")],
        [(C, f"Mit firma hedder {firm}.")],
    ])  # fmt: skip


def health(it: Caller) -> list[Turn]:
    ill, hurt = marked("HEALTH", it.draw.choice(HEALTH)), marked("HEALTH", it.draw.choice(INJURIES))
    return it.draw.choice([
        [(C, f"Min mand har fået konstateret {ill}.")],
        [(C, f"Jeg lider af {ill}, betyder det noget?")],
        [(C, f"Jeg faldt på cyklen og {hurt}.")],
        [(A, "Har du nogen sygdomme?"), (C, f"Ja, jeg har {ill}.")],
    ])  # fmt: skip


def net(it: Caller) -> list[Turn]:
    user = f"{it.first().lower()}{it.draw.randint(10, 99)}"
    return [(C, f"Min profil på Instagram hedder {marked('URL_USER', user)}.")]


def story(it: Caller) -> list[Turn]:
    return it.draw.choice([
        [(C, f"Hvad er selvrisikoen på min {it.draw.choice(PRODUCTS)}?"), (A, f"Den er på {it.amount()} kroner.")],
        [(C, f"Bilen er en {it.draw.choice(CARS)} fra {it.draw.randint(2001, 2025)}, og den har kørt {it.amount()} kilometer.")],
        [(C, f"Vi skal til {it.draw.choice(ABROAD)} i to uger, er vi dækket dér?"), (A, "Ja, i op til tres dage efter paragraf fire.")],
        [(C, "Taget tog skade i stormen, og nu drypper det ned på loftet."), (A, "Så dækker husforsikringen, men I skal dække hullet til.")],
        [(C, "Huset er bygget i 1974, og badeværelset er på otte kvadratmeter.")],
        [(A, "Der går normalt fem hverdage, så hører du fra os."), (C, "Fint, tak for hjælpen.")],
        [(C, f"Reparationen kostede {it.amount()} kroner, og jeg har kvitteringen.")],
        [(C, "Kan jeg bo et andet sted imens I tørrer kælderen ud?"), (A, "Ja, der er dækning for genhusning i op til et år.")],
        [(C, "En dag i maj holdt den op med at virke, og ved kæret var der en storm.")],
        [(C, "Min telefon, en iPhone 13, faldt på gulvet og skærmen gik i stykker.")],
        [(A, "Har du læst betingelserne, punkt 7.2?"), (C, "Nej, det må jeg indrømme.")],
    ])  # fmt: skip


SCENES: list[Scene] = [
    greeting, damage, cpr_whole, cpr_pieces, phone, corrected, address, address_pieces, mail, birthday, policy, bank, car,
    family, family, spelled, work, health, net, story, story, story, story,
]  # fmt: skip


def in_style(text: str, style: str) -> str:
    if style in ("written", "words", "fast"):
        return text

    def plain(piece: str) -> str:
        return re.sub(r"[.,;:?!]", "", piece.lower())

    return " ".join(MARK.sub(lambda found: f"[[{found[1]}:{plain(found[2])}]]", _outside(text, plain)).split())


def _outside(text: str, change: Callable[[str], str]) -> str:
    out, position = "", 0
    for found in MARK.finditer(text):
        out += change(text[position : found.start()]) + found[0]
        position = found.end()
    return out + change(text[position:])


def lines(seed: int, count: int) -> list[dict[str, object]]:
    draw = random.Random(seed)
    fakers = [Faker(locale) for locale in LOCALES]
    for number, each in enumerate(fakers):
        each.seed_instance(seed * 100 + number)
    found: list[dict[str, object]] = []
    call = 0
    while len(found) < count:
        call += 1
        caller = Caller(draw, fakers)
        at_s, sequence = 0.0, 0
        for scene in draw.sample(SCENES, 8):
            for channel, text in scene(caller):
                sequence += 1
                lasts = 0.4 + 0.35 * len(text.split())
                found.append({"call": f"i{seed}-{call}", "seq": sequence, "channel": channel, "t0": round(at_s, 2),
                              "t1": round(at_s + lasts, 2), "text": in_style(text, caller.style)})  # fmt: skip
                at_s += lasts + draw.choice([0.2, 0.5, 1.0] if caller.style != "fast" else [0.1, 0.2])
    return found


if __name__ == "__main__":
    for line in lines(int(sys.argv[1]), int(sys.argv[2])):
        print(json.dumps(line, ensure_ascii=False))
