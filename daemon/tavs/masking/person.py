"""PERSON: names of people, by list, by spelling and by the words before them.

1. After a name cue the next words are a name, in no list or in one, until a function word.
2. A first name of the lists is a name; where it is an ordinary word too, only beside another name or when it is written
   like a name in the middle of a sentence.
3. Words next to a name that could be a surname belong to it.
4. A capital in the middle of a sentence on a word nobody knows is taken for a name: the worse mistake is a miss.
5. Letters said one by one after a name or a name cue are a spelled name.
"""

from __future__ import annotations

from tavs.masking.lexicon import SERVANTS
from tavs.masking.span import Span, Window
from tavs.masking.spoken import is_number

LONGEST_NAME = 5
LONGEST_PIECE = 5
SHORTEST_SPLIT = 5
BARE_CUES = frozenset(["hedder", "hed", "navn"])
PAIR_CUES = frozenset(
    ["taler med", "talt med", "talte med", "snakkede med", "gift med", "besked til", "tale med", "navn er", "navnet er", "hedder jo", "snakker med", "snakket med", "hilsen fra",
     "efternavn er", "fornavn er", "skat er", "navn det er", "efternavnet er", "hedder hun", "hedder han"]
)  # fmt: skip
KIN = frozenset(
    """
    søn sønnen datter datteren kone konen mand manden kæreste kæresten bror broren søster søsteren mor far nabo naboen
    ven veninde kollega samlever ægtefælle barnebarn svigermor svigerfar fru hr herr frøken doktor læge sagsbehandler
    """.split()
)
TITLES = frozenset(
    "overlæge læge dr tandlæge psykolog advokat taksator konsulent rådgiver fysioterapeut montør chauffør svigersøn svigerdatter fætter kusine onkel tante moster faster farfar morfar mormor farmor barnebarn niece nevø svoger svigerinde eks ekskone eksmand".split()
)
SURNAME_TAILS = frozenset(
    "gård gaard holt strup berg lund bjerg dal skov kær kjær mark borg stad sted bæk bech toft rup vang sen".split()
)
"""Second halves of surnames, as they stand apart where a surname was heard in two words."""
BEFORE_VERB = frozenset(
    "at kan skal vil må kunne skulle ville måtte gerne ikke og lov kommer blive bliver hvor stadig".split()
)
"""What stands before the verb `bo`; elsewhere it is somebody."""
AFTER_NAME = frozenset("her der fra og jeg som med igen ja".split())
"""What follows a name that is an answer."""
GREETINGS = frozenset(["tak", "hej", "goddag", "kære", "velkommen", "farvel"])
"""An unknown word behind one of these is whom it is said to."""
IT_IS = frozenset(["det er", "her er", "du taler"])
MONTH_NAMES = frozenset(["august", "april", "maj", "juni", "juli", "januar"])
ARTICLES_OF_NAMES = frozenset(["el", "al", "abu", "ben", "bin", "van", "von", "mc"])
PARTICLES = frozenset(["von", "van", "der", "de", "al", "el", "bin", "ibn", "la", "di", "da", "dos", "af", "thi"])


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    index = 0
    while index < len(window.norms):
        end = _name_at(window, index)
        if end > index:
            start = index - _has_unknown_first_name(window, index)
            found.append(Span(start - _has_article(window, start), end, "PERSON"))
        index = max(end, index + 1)
    return found


def _has_article(window: Window, index: int) -> bool:
    """`el Haddad`: a first part of foreign surnames."""
    return index > 0 and window.norm(index - 1) in ARTICLES_OF_NAMES and window.same_turn(index - 1, index)


def _has_unknown_first_name(window: Window, index: int) -> bool:
    """Before a surname: a word that is in no list at all belongs to the name."""
    before = window.norm(index - 1) if index else ""
    if not before or not window.lexicon.is_last_name(window.norm(index)) or not window.same_turn(index - 1, index):
        return False
    ends = window.said[index - 1].word.ends_clause
    return not ends and before.isalpha() and not is_number(before) and not window.lexicon.is_ordinary(before)


def is_candidate(window: Window, index: int) -> bool:
    """A word that could be part of a name, by itself."""
    norm, word = window.norm(index), window.said[index].word
    known = window.lexicon
    stands_out = word.is_capital and not word.begins_sentence and not _is_shouting(window, index)
    if norm in MONTH_NAMES and stands_out and not is_number(window.norm(index - 1)):
        return norm != "juli" or window.norm(index - 1) != "i"
    if norm in SERVANTS or is_number(norm) or known.is_kept(norm) or not any(map(str.isalpha, norm)):
        return False
    if known.is_first_name(norm) and not known.is_ordinary(norm):
        return True
    if known.is_word_name(norm) and (stands_out or _is_in_place_of_name(window, index)):
        return True
    if known.is_ordinary(norm) and not known.is_first_name(norm):
        return False
    return stands_out


def _is_in_place_of_name(window: Window, index: int) -> bool:
    """`min svigersøn bo`, `sten hedder han`, `hej bo`: a word of every day where somebody is named."""
    before, after = window.norm(index - 1), window.norm(index + 1)
    if index and window.same_turn(index - 1, index) and before in KIN | GREETINGS | TITLES:
        return not window.said[index - 1].word.ends_clause
    if after in BARE_CUES and window.norm(index + 2) in ("han", "hun", "jeg"):
        return True
    if before == "og" and _is_plain_name(window, index - 2):
        return True
    if window.norm(index) == "bo" and before not in BEFORE_VERB:
        return True
    return _is_answer_at_all(window, index) and (
        after == "" or window.said[index].word.ends_clause or after in AFTER_NAME
    )


def _is_plain_name(window: Window, index: int) -> bool:
    norm = window.norm(index)
    return window.lexicon.is_first_name(norm) and not window.lexicon.is_ordinary(norm)


def _name_at(window: Window, index: int) -> int:
    """Where a name that begins here ends; `index` where none does."""
    if is_cued(window, index):
        end = index
        while end < len(window.norms) and end - index < LONGEST_NAME and _may_follow_cue(window, index, end):
            end += 1
        return end if end > index else index
    pieces = _split_name(window, index)
    if not pieces and not is_candidate(window, index) and not _is_ordinary_name_in_company(window, index):
        return index
    end = index + (pieces or 1)
    while end < len(window.norms) and end - index < LONGEST_NAME and _continues(window, index, end):
        end += 1
    return end


def is_cued(window: Window, index: int) -> bool:
    """Whether the words before announce a name."""
    if index == 0:
        return False
    before, two = window.norm(index - 1), f"{window.norm(index - 2)} {window.norm(index - 1)}"
    if not window.same_turn(index, index - 1):
        return _is_answer(window, index)
    if before in BARE_CUES and window.norm(index - 2) not in ("dit", "hvad", "hvordan"):
        return window.norm(index) not in ("det", "den", "er")
    if two in PAIR_CUES:
        return True
    unlisted = not window.lexicon.is_ordinary(window.norm(index))
    if before in KIN or before in GREETINGS or before in TITLES:
        return (unlisted or window.norm(index) in MONTH_NAMES) and not window.said[index - 1].word.ends_clause
    if two == "det er" and unlisted and GREETINGS & set(window.norms[max(0, index - 5) : index - 2]):
        return True
    return two in IT_IS and unlisted and (_is_named(window, index) or _precedes_surname(window, index))


def _is_answer(window: Window, index: int) -> bool:
    """The first words after the other side's question for a name."""
    return _is_answer_at_all(window, index) and not window.lexicon.is_ordinary(window.norm(index))


def _is_answer_at_all(window: Window, index: int) -> bool:
    expected = window.expected[index]
    is_asked = (
        expected is not None and expected.label == "PERSON" and expected.channel is not window.said[index].channel
    )
    return is_asked and (index == 0 or not window.same_turn(index - 1, index))


def _may_follow_cue(window: Window, index: int, end: int) -> bool:
    norm, word = window.norm(end), window.said[end].word
    is_servant = norm in SERVANTS and norm not in PARTICLES and not _is_hans(window, end)
    if not window.same_turn(index, end) or is_servant or is_number(norm):
        return False
    if end > index and window.said[end - 1].word.ends_clause:
        return False
    if window.lexicon.is_kept(norm):
        return norm in MONTH_NAMES
    if word.is_capital or not window.lexicon.is_ordinary(norm):
        return True
    is_part = end > index and (window.lexicon.is_last_name(norm) or window.lexicon.may_be_piece(norm))
    return window.lexicon.is_first_name(norm) or is_part or len(norm) == 1


def _continues(window: Window, index: int, end: int) -> bool:
    norm = window.norm(end)
    if not window.same_turn(index, end) or window.said[end - 1].word.ends_clause or window.lexicon.is_kept(norm):
        return False
    if norm in PARTICLES and end + 1 < len(window.norms) and is_candidate(window, end + 1):
        return True
    if norm in SERVANTS or is_number(norm):
        return False
    if is_candidate(window, end):
        return True
    if norm in SURNAME_TAILS and not window.said[end].word.is_capital:
        return True
    known = window.lexicon
    may_end_name = known.is_word_surname(norm) or known.is_abroad(norm) or _is_last_piece(window, end)
    if may_end_name and not window.lexicon.is_ordinary(window.norm(end - 1)):
        return True
    listed = window.lexicon.is_last_name(norm) or window.lexicon.is_first_name(norm)
    return listed and (not window.lexicon.is_ordinary(norm) or window.said[end].word.is_capital)


def _split_name(window: Window, index: int) -> int:
    """Two words that are one first name ("hen riette"), of which one at least is no word; 0 where they are not."""
    following = window.norm(index + 1)
    whole = window.norm(index) + following
    if not following or len(whole) < SHORTEST_SPLIT or not window.same_turn(index, index + 1):
        return 0
    known = window.lexicon
    is_plain = known.is_ordinary(window.norm(index)) and known.is_ordinary(following)
    if is_plain or window.said[index].word.ends_clause or known.is_first_name(window.norm(index)):
        return 0
    return 2 if known.is_first_name(whole) and not known.is_ordinary(whole) else 0


def _is_last_piece(window: Window, end: int) -> bool:
    """`kvist gård jeg`: a short word behind a name and before a new sentence, as a split surname ends."""
    norm, following = window.norm(end), window.norm(end + 1)
    return len(norm) <= LONGEST_PIECE and window.lexicon.may_be_piece(norm) and (following in SERVANTS or not following)


def _is_ordinary_name_in_company(window: Window, index: int) -> bool:
    """`Bo Storm`: words of every day, but written or placed like a name."""
    norm, word = window.norm(index), window.said[index].word
    if norm in MONTH_NAMES and _precedes_surname(window, index) and window.lexicon.is_last_name(window.norm(index + 1)):
        return True
    if norm in SERVANTS or window.lexicon.is_kept(norm) or not window.lexicon.is_first_name(norm):
        return window.lexicon.is_last_name(norm) and not window.lexicon.is_ordinary(norm)
    if index + 1 >= len(window.norms) or not window.same_turn(index, index + 1) or word.ends_clause:
        return False
    following = window.norm(index + 1)
    is_surname = window.lexicon.is_last_name(following) and not window.lexicon.is_ordinary(following)
    return is_surname or (
        word.is_capital and window.said[index + 1].word.is_capital and window.lexicon.is_last_name(following)
    )


def _is_named(window: Window, index: int) -> bool:
    norm = window.norm(index)
    return window.lexicon.is_first_name(norm) or window.lexicon.is_last_name(norm) or window.said[index].word.is_capital


def _precedes_surname(window: Window, index: int) -> bool:
    """Whether a word follows that only a name explains."""
    following = window.norm(index + 1)
    return bool(following) and not window.lexicon.is_ordinary(following) and not is_number(following)


def _is_hans(window: Window, index: int) -> bool:
    """A first name that is a function word as well, where a name goes on behind it."""
    following = window.norm(index + 1)
    goes_on = len(following) == 1 or (following != "" and not window.lexicon.is_ordinary(following))
    return window.lexicon.is_first_name(window.norm(index)) and goes_on


def _is_shouting(window: Window, index: int) -> bool:
    """A word in capitals among words in capitals says nothing about names."""
    near = window.said[max(0, index - 3) : index + 4]
    return (
        len(near) > 2
        and all(each.word.is_capital for each in near)
        and not window.lexicon.is_first_name(window.norm(index))
    )
