"""The gate of one call: heard words in, masked text out, and only what no later word can change.

1. Words are taken one by one, so it makes no difference how a conversation was cut into utterances.
2. A word waits while a detail that it may belong to is unfinished; two dull words, or the end of a sentence that leaves
   nothing open, or the other side's voice, finish it. Then all that waits is decided together, once and for good.
3. Nothing waits longer than `hold_back_ms` of the call: what is unfinished then is masked whole.
4. When a detector fails, the utterances concerned are withheld. Nothing of the failure but its type goes anywhere.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tavs.events import CallId, Channel, MaskedText
from tavs.host.journal import Message, report, say
from tavs.masking import birth, mail, place
from tavs.masking.code import CODES, WORDS, is_letter, is_spelling_out
from tavs.masking.cues import LABEL_OF, NUMERIC, Expectation, cue_at
from tavs.masking.detect import ANNOUNCING, Masker, keeps_open
from tavs.masking.numbering import Numbering
from tavs.masking.person import PAIR_CUES
from tavs.masking.span import Span, Window
from tavs.masking.spoken import ARTICLES, FILLERS, begins_number, is_number
from tavs.masking.words import Said, Word, visible, words
from tavs.speech.utterance import Utterance

HISTORY_WORDS = 12
"""Decided words that detectors still see."""
PENDING_WORDS = 64
"""Words that may wait together; more is decided as it stands."""
ANSWERED_WORDS = 8
"""Words of other things after a piece of a number, beyond which no further piece of it is expected."""
ANNOUNCED_WORDS = 3
"""Decided words that may announce what comes."""
DULL_WORDS = 2
DULL_FILLERS = 5
DULL_MAIL_WORDS = 6
"""An address on the net may begin with ordinary words ("kontor snabel-a …")."""


@dataclass(frozen=True, slots=True)
class Released:
    """A stretch of one utterance that may travel; `held` when it comes after a later utterance or by time."""

    channel: Channel
    sequence: int
    t0_ms: int
    t1_ms: int
    phrase_end_ms: int
    """End of the utterance that this is a part of."""
    text: MaskedText
    labels: tuple[str, ...]
    held: bool
    withheld: bool = False
    """A detector failed: the text is empty and stays so."""


@dataclass(slots=True)
class _Line:
    """An utterance on its way through."""

    utterance: Utterance
    words: list[Word]
    decided: list[tuple[str, int, int] | None] = field(default_factory=list)
    """For each decided word its label, n and stretch; None for one that may travel as it is."""
    released: int = 0
    is_withheld: bool = False
    was_fed_now: bool = True

    def __repr__(self) -> str:
        return f"_Line({len(self.words)} words)"


_Waiting = tuple[Said, Expectation | None, _Line]
"""A word that is not decided yet, what was talked about when it came, and its utterance."""


class Gate:
    def __init__(self, *, call: CallId, masker: Masker, hold_back_ms: int = 4000, numbered: int = 0) -> None:
        """`numbered`: the highest n that labels of this call may have had before this gate."""
        self._call = call
        self._masker = masker
        self._hold_back_ms = hold_back_ms
        self._numbering = Numbering(numbered)
        self._lines: deque[_Line] = deque()
        self._history: deque[tuple[Said, Expectation | None]] = deque(maxlen=HISTORY_WORDS)
        self._pending: list[_Waiting] = []
        self._expected: Expectation | None = None
        self._since = 0
        """Words of other things since the last piece of what is expected."""
        self._stretches = 0
        self._ended: dict[Channel, bool] = {}
        """Whether a voice's last word ended its sentence."""

    def feed(self, utterance: Utterance) -> list[Released]:
        """Take an utterance; what is certain now comes out, of this one and of earlier ones."""
        line = _Line(utterance, words(utterance.text, self._ended.get(utterance.channel, True)))
        if line.words:
            self._ended[utterance.channel] = line.words[-1].ends_sentence
        self._lines.append(line)
        span_ms = max(0, utterance.t1_ms - utterance.t0_ms)
        for index, word in enumerate(line.words):
            at_ms = utterance.t0_ms + span_ms * index // len(line.words)
            self._push(Said(word, utterance.channel, utterance.sequence, at_ms), line)
        released = self._release()
        line.was_fed_now = False
        return released

    def tick(self, call_time_ms: int) -> list[Released]:
        """Let go what has waited as long as it may."""
        if self._pending and self._has_waited_too_long(call_time_ms):
            self._decide(is_forced=True)
        return self._release()

    def flush(self) -> list[Released]:
        """The end of the call: everything, what is unfinished masked whole."""
        self._decide(is_forced=True)
        return self._release()

    def follow(self, masker: Masker, hold_back_ms: int) -> None:
        """Decide by other rules from here on, of what waits too."""
        self._masker, self._hold_back_ms = masker, hold_back_ms

    def open_sequences(self) -> set[int]:
        """Utterances of which something still waits."""
        return {line.utterance.sequence for line in self._lines}

    def _push(self, said: Said, line: _Line) -> None:
        while self._pending and self._has_waited_too_long(said.at_ms):
            self._decide(is_forced=True, count=self._overdue())
        if self._pending and self._pending[-1][0].channel is not said.channel:
            self._decide(is_forced=False)
        norms = self._turn(said)
        label = cue_at(norms, len(norms))
        if label and not (label == "NUMBER" and self._is_about_number(said.at_ms)):
            goes_on = self._expected is not None and self._expected.label == label and self._expected.is_answered
            self._expected = Expectation(label, said.channel, said.at_ms, is_answered=goes_on)
            self._since = 0
        self._since += _is_of_other_things(said)
        is_over = self._expected is not None and self._expected.is_answered and self._since > ANSWERED_WORDS
        if self._expected and (is_over or not self._expected.is_fresh(said.at_ms)):
            self._expected = None
        self._pending.append((said, None if label else self._expected, line))
        if self._is_finished(label is not None, norms):
            self._decide(is_forced=False)

    def _has_waited_too_long(self, now_ms: int) -> bool:
        return now_ms - self._pending[0][0].at_ms > self._hold_back_ms or len(self._pending) >= PENDING_WORDS

    def _turn(self, said: Said) -> list[str]:
        """The last words of this voice with the new one."""
        recent = [each for each, _ in self._history] + [each for each, _, _ in self._pending]
        norms = [each.norm for each in recent[-6:] if each.channel is said.channel]
        return [*norms, said.norm]

    def _is_about_number(self, at_ms: int) -> bool:
        return self._expected is not None and self._expected.label in NUMERIC and self._expected.is_fresh(at_ms)

    def _is_finished(self, is_cue: bool, norms: list[str]) -> bool:
        last = self._pending[-1][0]
        if is_cue or " ".join(norms[-2:]) in PAIR_CUES or " ".join(norms[-2:]) in place.DEEP_CUES:
            return all(self._announces(said.word) for said, _, _ in self._pending)
        if last.word.ends_sentence and not any(keeps_open(norm) for norm in _without_articles(norms[-2:])):
            return True
        enough = (
            DULL_MAIL_WORDS
            if (self._is_about_mail() and last.at_ms - self._expected_ms() <= self._hold_back_ms)
            or mail.ends_open([said.norm for said, _, _ in self._pending])
            else DULL_WORDS
        )
        dull = fillers = 0
        for index in reversed(range(len(self._pending))):
            said = self._pending[index][0]
            is_article = said.norm in ARTICLES and dull > 0
            is_filler = said.norm in FILLERS and not self._masker.is_listed(said.norm)
            if not (self._is_dull(index) or is_filler or is_article):
                break
            fillers += 1  # noqa: SIM113 - the count outlives an early break
            dull += said.norm not in FILLERS
            alone = fillers == len(self._pending) and enough == DULL_WORDS and not self._may_go_on()
            if dull >= enough or fillers >= max(enough, DULL_FILLERS) or alone:
                return True
        return False

    def _may_go_on(self) -> bool:
        """Whether "og" alone stands behind a number that was decided before it: the rest of it may come."""
        if not self._history:
            return False
        before, first = self._history[-1][0], self._pending[0][0]
        is_joined = before.channel is first.channel and is_number(before.norm) and not before.word.ends_clause
        return is_joined and first.norm == "og"

    def _is_dull(self, index: int) -> bool:
        """Whether a word that waits begins and continues nothing, in the company it is in."""
        said, expected, _ = self._pending[index]
        if said.norm in WORDS and index and is_letter(self._pending[index - 1][0].norm):
            return False
        if is_spelling_out([each.norm for each, _, _ in self._pending[max(0, index - 3) : index + 1]]):
            return False
        if self._is_behind_number(index) and begins_number(said.norm):
            return False
        if said.norm == "den" and expected is not None and expected.label == "DATE_OF_BIRTH":
            return False
        begins_code = expected is not None and expected.label in CODES and len(said.norm) == 2 and said.norm.isalpha()
        return not begins_code and self._masker.is_dull(said.word)

    def _is_behind_number(self, index: int) -> bool:
        """Whether the word before, but for "og", is a number."""
        norms = [said.norm for said, _ in [*self._history][-2:]] + [said.norm for said, _, _ in self._pending[:index]]
        last = [norm for norm in norms[-2:] if norm != "og"][-1:]
        return bool(last) and is_number(last[0])

    def _is_about_mail(self) -> bool:
        return self._expected is not None and self._expected.label in ("EMAIL", "URL_USER")

    def _expected_ms(self) -> int:
        return self._expected.at_ms if self._expected else 0

    def _decide(self, *, is_forced: bool, count: int | None = None) -> None:
        """Decide the first `count` words that wait, or all."""
        waiting, self._pending = self._pending[:count], self._pending[count:] if count else []
        if not waiting:
            return
        spans = [] if self._is_plain(waiting) else self._found(waiting, is_forced=is_forced)
        self._settle(waiting, spans)

    def _is_plain(self, waiting: list[_Waiting]) -> bool:
        """Words in which no detector could find anything: dull ones that nothing announced."""
        before = list(self._history)[-ANNOUNCED_WORDS:]
        is_announced = any(_is_open(expected) or self._masker.announces(said.word) for said, expected in before)
        return not is_announced and all(
            not _is_open(expected) and self._masker.is_dull(said.word) and said.norm not in ANNOUNCING
            for said, expected, _ in waiting
        )

    def _found(self, waiting: list[_Waiting], *, is_forced: bool) -> list[Span]:
        known = [*self._history, *((said, expected) for said, expected, _ in waiting)]
        window = Window(
            said=[said for said, _ in known],
            norms=[said.norm for said, _ in known],
            first=len(self._history),
            expected=[expected for _, expected in known],
            lexicon=self._masker.lexicon,
            is_forced=is_forced,
        )
        try:
            return [span for span in self._masker.find(window) if span.end > window.first]
        except Exception as error:  # noqa: BLE001 - whatever fails here, the words stay here (fail closed)
            say(Message.WITHHELD, words=len(waiting))
            report(error)
            for _, _, line in waiting:
                line.is_withheld = True
            return []

    def _settle(self, waiting: list[_Waiting], spans: list[Span]) -> None:
        first = len(self._history)
        norms = [said.norm for said, _ in self._history] + [said.norm for said, _, _ in waiting]
        labels: list[tuple[str, int, int] | None] = [None] * len(waiting)
        for span in spans:
            self._stretches += 1
            last = waiting[max(0, span.end - first - 1)][0]
            goes_on = self._expected is not None and self._expected.is_answered and self._expected.label == span.label
            number = self._numbering.number(span.label, norms[max(first, span.start) : span.end], goes_on=goes_on)
            for index in range(max(first, span.start) - first, span.end - first):
                labels[index] = (span.label, number, self._stretches)
            if span.label == "DATE_OF_BIRTH" and birth.is_whole(norms[span.start : span.end]):
                self._expected = None
            elif (span.label in NUMERIC or span.label == "ADDRESS") and not self._is_asked_since(last):
                self._expected = Expectation(span.label, last.channel, last.at_ms, is_answered=True)
                after = [said for said, _, _ in (*waiting[span.end - first :], *self._pending)]
                self._since = sum(map(_is_of_other_things, after))
        for (said, expected, line), label in zip(waiting, labels, strict=True):
            line.decided.append(label)
            self._history.append((said, expected))

    def _is_asked_since(self, last: Said) -> bool:
        """Whether something else was asked for after a word."""
        return self._expected is not None and not self._expected.is_answered and self._expected.at_ms > last.at_ms

    def _announces(self, word: Word) -> bool:
        """A word of a cue or around it: what it announces may be masked, itself it travels."""
        return self._masker.is_dull(word) or word.norm in LABEL_OF or word.norm in FILLERS

    def _overdue(self) -> int:
        """How many words go when the oldest has waited too long: up to the last that begins nothing new."""
        for count in range(len(self._pending) - 1, 0, -1):
            word = self._pending[count - 1][0].word
            is_settled = self._is_dull(count - 1) and word.norm not in FILLERS
            if word.ends_clause or is_settled or (word.norm in LABEL_OF and not self._is_in_mail(count - 1)):
                return count
        return len(self._pending)

    def _is_in_mail(self, index: int) -> bool:
        """`hot mail punktum com`: a word of an address that would be a cue elsewhere."""
        return any(mail.is_part(said.norm) for said, _, _ in self._pending[:index])

    def _release(self) -> list[Released]:
        found = [part for line in self._lines if (part := _part(line))]
        while self._lines and len(self._lines[0].decided) == len(self._lines[0].words):
            self._lines.popleft()
        return found


def _is_open(expected: Expectation | None) -> bool:
    """Whether words of every day may be what is being talked about: no number is, and no name."""
    return expected is not None and expected.label not in NUMERIC and expected.label != "PERSON"


def _is_of_other_things(said: Said) -> bool:
    return not is_number(said.norm) and said.norm not in FILLERS


def _without_articles(norms: list[str]) -> list[str]:
    """The words less an article that stands before a word that is no number."""
    following = [*norms[1:], ""]
    return [
        norm
        for norm, after in zip(norms, following, strict=True)
        if norm not in ARTICLES or not after or is_number(after)
    ]


def _part(line: _Line) -> Released | None:
    """What has been decided of an utterance since it was last looked at."""
    first, end = line.released, len(line.decided)
    utterance = line.utterance
    if first == end and (line.words or not line.was_fed_now):
        return None
    line.released = end
    masked = "" if line.is_withheld else _masked(line, first, end)
    labels = dict.fromkeys(label[0] for label in line.decided[first:end] if label and not line.is_withheld)
    length_ms = utterance.t1_ms - utterance.t0_ms
    count = max(1, len(line.words))
    return Released(
        channel=utterance.channel,
        sequence=utterance.sequence,
        t0_ms=utterance.t0_ms + length_ms * first // count,
        t1_ms=utterance.t0_ms + length_ms * end // count if line.words else utterance.t1_ms,
        phrase_end_ms=utterance.t1_ms,
        text=MaskedText(masked),
        labels=tuple(labels),
        held=not line.was_fed_now,
        withheld=line.is_withheld,
    )


def _masked(line: _Line, first: int, end: int) -> str:
    text = line.utterance.text
    out: list[str] = []
    position = line.words[first].start if first else 0
    until = line.words[end].start if end < len(line.words) else len(text)
    index = first
    while index < end:
        label = line.decided[index]
        stop = index + 1
        while label and stop < end and line.decided[stop] == label:
            stop += 1
        out.append(text[position : line.words[index].start])
        if label:
            begun = index == first and index > 0 and line.decided[index - 1] == label
            out.append("" if begun else f"<{label[0]}_{label[1]}>")
        else:
            out.append(text[line.words[index].start : line.words[index].end])
        position = line.words[stop - 1].end
        index = stop
    out.append(text[position:until])
    return visible("".join(out))
