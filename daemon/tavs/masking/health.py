"""HEALTH: the condition of a person (GDPR article 9). A class of its own that a site can switch off.

Product words (sundhedsforsikring, ulykkesforsikring) and the damage of things are no health.
"""

from __future__ import annotations

from tavs.masking.span import Span, Window

CONDITIONS = (
    "astma", "diabetes", "sukkersyge", "blodprop", "kræft", "cancer", "leukæmi", "depression", "depressiv", "angst",
    "stress", "piskesmæld", "knogleskørhed", "hjernerystelse", "epilepsi", "sklerose", "gigt", "migræne", "diskusprolaps",
    "parkinson", "alzheimer", "demens", "dement", "hjerteflimmer", "hjertefejl", "hjertesygdom", "hjerteanfald", "kol",
    "lungebetændelse", "allergi", "allergisk", "psoriasis", "eksem", "hiv", "hepatitis", "adhd", "autisme", "skizofreni",
    "bipolar", "psykose", "ptsd", "gravid", "abort", "fertilitet", "fødselsskade", "seneskedehindebetændelse", "iskias",
    "skoliose", "meniskskade", "korsbåndsskade", "tinnitus", "grå stær", "grøn stær", "nyresvigt", "nyresten", "galdesten",
    "mavesår", "colitis", "crohns", "forbrænding", "lammelse", "lammet", "amputeret", "svulst", "tumor", "metastaser",
    "kemoterapi", "stråleterapi", "insulin", "blodtryk", "kolesterol", "overvægt", "alkoholiker", "misbrug", "bulimi",
    "anoreksi", "borreliose", "fibromyalgi", "whiplash", "hofteledsdysplasi", "søvnapnø", "stofskifte", "anæmi", "covid",
    "discusprolaps", "brok", "forstuvning", "forstuvet", "hjernebetændelse", "meningitis", "slagtilfælde", "åreknuder",
)  # fmt: skip
STEMS = tuple(condition for condition in CONDITIONS if len(condition) >= 5)
ENDINGS = ("kræft", "betændelse", "prolaps", "sygdom", "syndrom", "gigt", "allergi", "lammelse", "lidelse", "smerter", "forbrænding",
           "infektion", "depression", "skoliose", "knoglebrud", "kramper", "psykose", "fobi")  # fmt: skip
HARMS = ("brækk", "knækk", "forstuv", "forvred", "revet", "sprængt", "slået", "slog", "skadet", "opereret", "amputer", "ondt",
         "smerter", "hævet", "forslået", "brud", "flækket", "skåret", "klemt", "smadret", "vrikket", "beskadiget",
         "blev opereret", "operation")  # fmt: skip
BODY = (
    "hofte", "hoften", "arm", "armen", "ben", "benet", "knæ", "knæet", "ryg", "ryggen", "nakke", "nakken", "skulder",
    "skulderen", "hånd", "hånden", "håndled", "håndleddet", "finger", "fingeren", "fingre", "fod", "foden", "ankel",
    "anklen", "tå", "tåen", "hoved", "hovedet", "kranie", "kraniet", "næse", "næsen", "kæbe", "kæben", "tand", "tanden",
    "tænder", "fortand", "fortanden", "øje", "øjet", "øre", "øret", "bryst", "brystet", "ribben", "ribbenet", "lår",
    "lårben", "underben", "skinneben", "albue", "albuen", "kraveben", "kravebenet", "menisk", "menisken", "korsbånd",
    "korsbåndet", "hjerte", "hjertet", "lunge", "lungerne", "mave", "maven", "lever", "leveren", "nyre", "nyrerne",
    "bækken", "bækkenet", "tommelfinger", "tommelfingeren", "lilletå", "storetå", "achillessene", "achillessenen", "lænd",
    "lænden", "rygsøjle", "rygsøjlen", "håndleddene", "knæskal", "knæskallen", "hjernen", "synet", "hørelsen",
)  # fmt: skip
_BODY = frozenset(BODY)
BETWEEN = frozenset(["min", "mit", "mine", "sin", "sit", "sine", "hendes", "hans", "i", "på", "den", "det", "venstre", "højre",
                     "en", "et", "to", "begge", "af", "lidt", "meget", "sig", "og", "i"])  # fmt: skip
REACH = 4
MODIFIERS = frozenset(
    """
    kronisk kroniske forhøjet forhøjede højt lavt svær svære let lette mild mildt alvorlig alvorligt medfødt akut
    spastisk rygmarvs dårligt dårlig dårlige
    """.split()
)
"""Words before a condition that are part of it."""
ILL = frozenset(["syg", "sygdom", "sygemeldt", "syge", "sygdomme"])


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    for index, norm in enumerate(window.norms):
        if is_condition(norm) and not window.lexicon.is_kept(norm):
            found.append(Span(_with_modifier(window, index), _with_place(window, index + 1), "HEALTH"))
        elif norm.startswith(HARMS) or norm in ("slået", "slog"):
            end = _body_after(window, index + 1)
            if end:
                found.append(Span(index, end, "HEALTH"))
        elif norm in _BODY:
            end = _harm_after(window, index + 1)
            if end:
                found.append(Span(index, end, "HEALTH"))
    return found


def is_condition(norm: str) -> bool:
    return norm in CONDITIONS or norm.startswith(STEMS) or norm.endswith(ENDINGS)


def _with_modifier(window: Window, index: int) -> int:
    return index - 1 if window.norm(index - 1) in MODIFIERS else index


def _with_place(window: Window, index: int) -> int:
    end = _body_after(window, index)
    return end or index


def _body_after(window: Window, index: int) -> int:
    """Past a part of the body a few words on; 0 where there is none."""
    for end in range(index, min(index + REACH, len(window.norms))):
        if window.norm(end) in _BODY:
            return end + 1
        if window.norm(end) not in BETWEEN:
            return 0
    return 0


def _harm_after(window: Window, index: int) -> int:
    for end in range(index, min(index + REACH, len(window.norms))):
        norm = window.norm(end)
        if norm.startswith(HARMS):
            return end + 1
        if norm not in BETWEEN and norm not in ("er", "blev", "var", "har", "har jeg", "fik"):
            return 0
    return 0
