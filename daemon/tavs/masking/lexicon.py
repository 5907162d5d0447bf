"""The word lists: names, towns, ordinary words, and what is a product, a brand or a country and so no person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "gazetteer"

BRANDS = frozenset(
    """
    toyota volkswagen vw audi bmw mercedes ford opel peugeot citroen citroën renault skoda škoda seat kia hyundai mazda
    volvo tesla nissan suzuki honda fiat polo golf passat fabia octavia yaris corolla aygo focus fiesta mustang clio
    qashqai tiguan iphone samsung galaxy apple macbook ipad sony playstation xbox lenovo dell hp bosch siemens miele
    porsche jaguar lexus subaru mitsubishi dacia jeep mini smart saab chevrolet polestar byd mg cupra lancia
    kuga ceed picanto sportage tucson kona ioniq up touran caddy transporter berlingo partner kangoo megane captur
    twingo duster sandero corsa astra insignia mokka superb kamiq karoq kodiaq ibiza ateca swift vitara ignis
    micra juke leaf civic jazz panda punto tipo auris rav4 prius avensis mondeo transit galaxy c1 c3 c4 107 108 206 207
    208 306 307 308 508 2008 3008 5008 v40 v60 v70 v90 xc40 xc60 xc90 i10 i20 i30 e-golf id3 id4 modely model3 yamaha
    kawasaki ducati vespa piaggio trek centurion specialized christiania batavus gazelle
    philips lg huawei google pixel nokia garmin canon nikon gopro bose electrolux vestfrost zanussi aeg neff voss
    husqvarna stihl kärcher makita dewalt festool stiga ikea jysk bilka føtex netto lidl rema elgiganten power silvan
    bauhaus xl-byg rolex omega pandora hobby knaus adria dethleffs fendt lmc kabe
    """.split()
)
"""Makes and models of what people insure, less those that many people are called."""
KEPT = BRANDS | frozenset(
    """
    tryg topdanmark alka codan almbrand alm brand gjensidige lb gf købstædernes nordhavn nordea danske bank nykredit
    jyske sydbank falck dansk norsk svensk tysk engelsk polsk arabisk tyrkisk europa danmark norge sverige tyskland
    england usa thailand spanien italien frankrig grækenland tyrkiet polen skandinavien norden bangkok london paris rom
    model mitid nemid eboks e-boks instagram snapchat tiktok linkedin messenger whatsapp youtube mobilepay betalingsservice
    januar februar marts april maj juni juli august september oktober november december mandag tirsdag onsdag torsdag
    fredag lørdag søndag jul påske pinse gud cpr kr dkk pdf sms it tv el vvs okay ok hej goddag farvel tak velkommen
    mon øh % gls postnord dsb skat politiet borger dk gdpr iban nemkonto nemkontoen visa mastercard dankort visakort visakortet mobilepay samsonite
    arla coop ryanair tui massey fergusson claas vivaro transitten macbook ulykkesforsikring facebook google
    """.split()
)
PRODUCT_ENDINGS = (
    "forsikring", "forsikringen", "forsikringer", "dækning", "dækningen", "police", "skade", "skaden", "skader",
    "afdeling", "afdelingen", "service", "hjælp", "nummer", "nummeret", "betingelser", "erstatning", "risiko",
)  # fmt: skip
SERVANTS = frozenset(
    """
    jeg du han hun vi i de den det der som og eller men at for fra med på til af om ved hos under over efter før uden
    er var bliver blev har havde kan kunne skal skulle vil ville må måtte ikke også så da når hvis fordi mens siden en
    et min mit mine din dit dine sin sit hans hendes vores jeres deres dem ham hende os mig dig sig hvad hvem hvor hvornår
    hvordan hvorfor ja nej jo tak hej goddag okay nå øh øhm altså lige bare jo da nu her der hen ned op ind ud igen meget
    mange noget nogen ingen alle alt selv samt eller ringer taler vedrørende angående har fået lidt godt fint helt
    henne super perfekt fedt ærgerligt desværre øjeblik dejligt hygge sådan nemlig egentlig faktisk virkelig vist
    simpelthen selvfølgelig naturligvis lidt sammen igennem derhjemme hjemme ude inde nede oppe herude derude derovre forleden
    nogenlunde ligesom sikkert måske heldigvis bagefter formiddags eftermiddags aftes morges nat kanten bøvl træls ked
    ring find skriv send prøv kig vent tag giv husk hør tænk spørg
    jamen undskyld velkommen farvel rigtigt rigtig præcis korrekt passer stemmer
    """.split()
)
"""Function words and phrases of the telephone: never a name, not even after "mit navn er"."""


_ENDING = re.compile("['’](s|en|et|er|erne|eren)$")
"""What is hung on an abbreviation: `IBAN'en`."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    first_names: frozenset[str]
    last_names: frozenset[str]
    ordinary: frozenset[str]
    towns: frozenset[str]
    town_heads: frozenset[str]
    """First words of towns of two words."""
    countries: frozenset[str]
    site: frozenset[str] = frozenset()
    """Words of the trade that the site never masks."""

    def is_ordinary(self, norm: str) -> bool:
        """A word of running text: no name by itself."""
        if norm in self.ordinary or _bare(norm) in self.ordinary or norm in SERVANTS or self.is_kept(norm):
            return True
        if norm in listed("foreign_words.txt") or self.is_abroad(norm):
            return True
        _, hyphen, last = norm.rpartition("-")
        return bool(hyphen) and last in self.ordinary and not self.is_first_name(last) and not self.is_last_name(last)

    def may_be_piece(self, norm: str) -> bool:
        """An ordinary word that may be a name or the first half of one; so may any genitive ("krogs bølle")."""
        if norm in SERVANTS or self.is_kept(norm):
            return False
        is_genitive = norm not in self.ordinary and _bare(norm) in self.ordinary
        return is_genitive or norm in listed("pieces.txt") or norm in self.first_names

    def is_kept(self, norm: str) -> bool:
        """Products, brands, countries, months: what must survive."""
        base = norm if norm in KEPT else _ENDING.sub("", norm).removesuffix("s")
        return (
            norm in KEPT
            or base in KEPT
            or norm in self.site
            or norm in self.countries
            or norm.endswith(PRODUCT_ENDINGS)
        )

    def is_abroad(self, norm: str) -> bool:
        """A large town elsewhere; behind a first name it is a surname all the same."""
        return norm in listed("abroad.txt")

    def is_first_name(self, norm: str) -> bool:
        parts = norm.split("-")
        joined = len(parts) > 1 and all(part in self.first_names for part in parts)
        return joined or _bare(norm) in self.first_names or norm in self.first_names

    def is_word_name(self, norm: str) -> bool:
        """A first name that many bear and that is a word of every day: Bo, Sten, Liv."""
        return norm in listed("word_names.txt")

    def is_word_surname(self, norm: str) -> bool:
        """The same for surnames: Holm, Strand, Bro."""
        return norm in listed("word_surnames.txt")

    def is_last_name(self, norm: str) -> bool:
        return _bare(norm) in self.last_names or norm in self.last_names


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    towns = listed("towns.txt") | listed("villages.txt")
    return Lexicon(
        first_names=listed("first_names.txt"),
        last_names=listed("last_names.txt"),
        ordinary=listed("ordinary.txt"),
        towns=towns,
        town_heads=frozenset(town.partition(" ")[0] for town in towns if " " in town),
        countries=listed("countries.txt"),
    )


@lru_cache
def listed(name: str) -> frozenset[str]:
    """The words of a list in `gazetteer/`, one a line."""
    return frozenset((FOLDER / name).read_text(encoding="utf-8").split("\n")) - {""}


def _bare(norm: str) -> str:
    """Without the genitive: `mettes`, `mette's` → `mette`."""
    for ending in ("'s", "’s", "s"):
        if norm.endswith(ending) and len(norm) > len(ending) + 2:
            return norm.removesuffix(ending)
    return norm
