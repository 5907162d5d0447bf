"""Danish words as search terms.

1. A word is compared by its stem, an irregular form by the stem of its base form.
2. A compound is compared whole and by its parts; a part is a word that the terms or the thesaurus use alone.
3. Words without a topic of their own are no terms.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from functools import lru_cache

import snowballstemmer

_PLACEHOLDER = re.compile(r"<[A-Z_]+_\d+>")
_WORD = re.compile(r"[a-zæøåé0-9]+")
_SPELLING = str.maketrans({"è": "é", "ü": "y", "ö": "ø", "ä": "æ", "á": "a"})
SHORTEST_PART = 3
LONGEST_WORD = 40
"""Longer ones are no words; cutting them would cost time for nothing."""
JOINTS = ("", "s", "e", "er", "n")
"""What stands between the parts of a compound."""

STOP = frozenset(
    """
    ad af aften al alle alligevel alt altid alting altså anden andet andre angår april at atten august bag bare bedre
    bedst begge begynde begyndte betingelser betingelserne bl blev blevet bliv blive bliver bort burde både bør cirka
    da dag dage dagen dav davs de december dejlig dejligt dem den denne der deres derfor derfra derhen derinde dermed
    derovre derude desværre det dette dig din dine disse dit dog drejer du dække dækker dækket dækning dækningen eft
    efter eftermiddag egen egentlig egentligt eget egne ej eller ellers elleve em en end endda endelig endnu enten er
    et eventuelt faktisk farvel februar fedt fem femten fik fin finde fint fire firs fjorten flere fleste for foran
    fordi forhold formiddag forrige forsikrede forsikret forsikring forsikringen forsikringer fortalt fortalte fortæl
    fortælle fra fredag frem fyrre få fået får først første gamle gammel gang gange ganske gav gennem gerne gik give
    giver gjorde gjort god goddag gode godt gå gået går gælde gælder gør gøre hallo halvfems halvfjerds halvtreds ham
    han handler hans har hav havde have hej hejsa hel hele heller helt hen hende hendes her herfra heroppe hertil hjem
    hjemme hjælp hjælpe hjælper hos hun hundrede hvad hvem hver hverken hvilke hvilken hvilket hvis hvor hvordan
    hvorfor hvorhen hvornår høre hører hørt hørte i igen igennem ikk ikke imellem imod ind inde inden indtil ingen
    ingenting intet ja jamen januar jeg jer jeres jo juli juni kan kig kigge kiggede kigger klokken kom komme kommer
    kommet krone kroner kun kunne kunnet kære lad lade lader langt lidt lige ligesom ligger lille lyt lå længe længere
    lød lørdag man mandag mange marts med medens meget mellem mens mere mest mig million millioner min mindre mine mit
    mod mon morgen må måde måden måned måneder måske måtte måttet nat ned nede nej nemlig ni nitten nogen nogenlunde
    noget nogle nok november nu ny nye nyt nå nået nåh når nærmest næste nævne o og også oh ok okay oktober om
    omfatter omfattet omkring onsdag op oppe os otte over overhovedet par perfekt plus procent præcis præcist prøv
    prøve prøvede prøver punkt på ret rigtig rigtigt ringe ringer sad sagde sagt samme sammen samt se seks seksten
    selskab selskabet selv selvfølgelig senere september ser set sgu sidde sidder siden sidste sig sige siger
    simpelthen sin sine sit skal skulle skullet slags slet små snakke snakkede snakker snakket snart som spurgt spørge
    spørger spørgsmål stadig stille stillet stod stor store stort stå stået står super synes syntes sytten syv så
    sådan sådanne sådant sæt sætte søndag tag tage tager taget tak tale taler talt te temmelig ti tidligere til
    tilbage time timer ting tingene tirsdag to tog tolv torsdag tre tredive tres tretten tro troede tror tusind
    tusinde tyve tænke tænker tænkt tænkte ud ude uden uge uger under undrer undskyld utrolig var ved vedrører vel
    velkommen vent vente vi via vide vidste vil ville villet virkelig vist vor vores våre vær være været åh år årene
    øh øhm ørh
    """.split()
)
"""Function words, fillers, numerals, times, and words that every section has."""
_FORMS_OF = """
    tand: tænder tænderne tændernes
    barn: børn børnene børnenes
    hånd: hænder hænderne
    fod: fødder fødderne
    tå: tæer tæerne
    nat: nætter
    mand: mænd mændene
    bog: bøger bøgerne
    bil: bilens
    datter: døtre døtrene
    bror: brødre
    far: fædre
    mor: mødre
    gås: gæs
    mus: musene
    rod: rødder rødderne
    tang: tænger
    hovedstad: hovedstæder
    stad: stæder
    ko: køer
    so: søer
    bryde: brød brudt brudte bryder
    stjæle: stjal stjålet stjålne stjæler
    bide: bed bidt bider
    slå: slog slået slår
    brække: brækkede brækket brækker
    falde: faldt faldet falder
    drikke: drak drukket drikker
    fryse: frøs frosset frossen frosne fryser
    flyve: fløj fløjet flyver
    springe: sprang sprunget sprungne springer
    synke: sank sunket
    ryge: røg røget ryger
    skride: skred skredet
    gribe: greb grebet
    rive: rev revet river
    stikke: stak stukket stikker
    løbe: løb løbet løber
    knække: knækkede knækket knak
    dø: døde død døer
    sælge: solgte solgt sælger
    følge: fulgte fulgt
    bringe: bragte bragt
    vælge: valgte valgt vælger
    flytte: flyttede flyttet flytter
    miste: mistede mistet mister
    glemme: glemte glemt glemmer
    glide: gled gledet glider
    betale: betalte betalt betaler
    opsige: opsagt opsagde opsiger
    trække: trak trukket
    binde: bandt bundet
    finde: fandt fundet finder
    hænge: hang hængt
    fange: fanget
    skære: skar skåret
"""
_BASE_OF = {
    form: base.strip()
    for base, _, forms in (line.partition(":") for line in _FORMS_OF.strip().splitlines())
    for form in forms.split()
}
_stemmer = snowballstemmer.stemmer("danish")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    return str(_stemmer.stemWord(_BASE_OF.get(word, word)))


def words(text: str) -> list[str]:
    """Words in lower case and in their order, without placeholders."""
    plain = _PLACEHOLDER.sub(" ", text).lower().translate(_SPELLING).replace("aa", "å")
    return [word for word in _WORD.findall(plain) if len(word) <= LONGEST_WORD]


def telling(word: str) -> bool:
    """Whether a word has a topic of its own."""
    return len(word) > 1 and word not in STOP and not word.isdigit()


def stems(texts: Iterable[str]) -> set[str]:
    """Of telling words: what parts of compounds are known by."""
    return {stem(word) for text in texts for word in words(text) if telling(word)}


def forms(word: str, known: Container[str]) -> tuple[str, ...]:
    """The stem of a word and, of a compound, the stems of its parts and of theirs."""
    parts = _parts(word, known)
    inner = (each for part in parts for each in (part, *_parts(part, known)))
    return tuple(dict.fromkeys(map(stem, (word, *inner))))


def _parts(word: str, known: Container[str]) -> tuple[str, ...]:
    """The two parts of a compound; among several cuts the one nearest the middle. None where it is no compound."""
    best: tuple[str, ...] = ()
    for cut in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
        tail = word[cut:]
        if not telling(tail) or stem(tail) not in known:
            continue
        for joint in JOINTS:
            head = word[:cut].removesuffix(joint)
            is_cut = len(head) + len(joint) == cut and len(head) >= SHORTEST_PART
            if (
                is_cut
                and telling(head)
                and stem(head) in known
                and min(len(head), len(tail)) > min(map(len, best), default=0)
            ):
                best = (head, tail)
    return best
