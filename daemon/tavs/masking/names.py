"""PERSON, LOCATION, ADDRESS and ORG by a model: a token classifier reads the words under decision and those before them.

1. The model adds to the lists and cues of the other detectors; it never takes back what they found.
2. A word of every day must look much more like a name than a word that no list has.
3. Any token classifier in ONNX with a `tokenizer.json` can take the place of the embedded one: int64 `input_ids` and
   `attention_mask` (and `token_type_ids`) of shape (1, tokens) in, float32 logits of shape (1, tokens, labels) out,
   labels in IOB2 or IO; the first piece of a word speaks for the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Encoding, Tokenizer

from tavs.catalogue import ModelFile, verify
from tavs.errors import ModelError
from tavs.masking import place
from tavs.masking.lexicon import SERVANTS
from tavs.masking.number import UNITS
from tavs.masking.span import Span, Window
from tavs.masking.spoken import is_number

LABEL_OF = {
    "PER": "PERSON", "PERSON": "PERSON", "LOC": "LOCATION", "GPE": "LOCATION", "LOCATION": "LOCATION", "ORG": "ORG",
    "ADR": "ADDRESS", "ADDRESS": "ADDRESS", "FAC": "ADDRESS",
    "HEALTH": "HEALTH",
}  # fmt: skip
"""What the names that models give to their classes mean here; other classes are ignored."""
LEAST_UNKNOWN = 0.25
LEAST_BESIDE = 0.5
LEAST_ORDINARY = 0.85
"""Least probability of a name for a word that no list of ordinary words has, for an ordinary word beside one of those, and
for ordinary words alone."""
ANNOUNCING = frozenset(
    "hos hedder navn firma firmaet bor boede adressen vejen arbejder ansat ejer driver flyttet".split()
)
"""Words behind which even words of every day are read."""
LONGEST_TOKENS = 500
"""Most public models read 512 tokens; a longer window is refused, which withholds it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model takes a word for."""

    label: str
    """The likeliest class of names; empty where the model has none of ours."""
    probability: float
    """That the word is a name of any class."""


class NameModel:
    """Raises ModelError when the file or the tokenizer is missing, not the catalogue's, or no token classifier."""

    def __init__(self, model: ModelFile) -> None:
        verify(model)
        self._labels, self._classes = _classes(model.labels)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(str(model.path), options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(model.tokenizer))
            self._inputs = [each.name for each in self._session.get_inputs()]
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            self.read(["prøve"])
        except Exception as error:  # noqa: BLE001 - the libraries raise what they like for a broken file
            raise ModelError(
                f"the model {model.name} cannot be used ({type(error).__name__})", f"replace {model.path}"
            ) from None

    def read(self, words: Sequence[str]) -> list[Reading]:
        """One reading for each word. Raises ValueError for more than `LONGEST_TOKENS` pieces of words."""
        encoding = _encoded(self._tokenizer, words)
        if len(encoding.ids) > LONGEST_TOKENS:
            raise ValueError("too many pieces of words in one window")
        ids = np.array([encoding.ids], dtype=np.int64)
        known = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        logits = self._session.run(None, {name: known[name] for name in self._inputs})[0][0]
        first: dict[int, int] = {}
        for token, word in enumerate(encoding.word_ids):
            if word is not None:
                first.setdefault(word, token)
        readings = [Reading("", 0.0)] * len(words)
        chances = _softmax(logits[list(first.values())]) @ self._classes
        for word, best, likeliest, whole in zip(
            first, chances.argmax(-1).tolist(), chances.max(-1).tolist(), chances.sum(-1).tolist(), strict=True
        ):
            readings[word] = Reading(self._labels[best] if likeliest else "", whole)
        return readings


def find(window: Window, model: NameModel) -> list[Span]:
    readings = model.read([_as_written(window, index) for index in range(len(window.norms))])
    found: list[Span] = []
    index = 0
    while index < len(readings):
        end = index
        while end < len(readings) and _may_name(window, readings, end) and _goes_on(window, readings, index, end):
            end += 1
        if end > index and _is_sure(window, readings, index, end):
            found.append(_span(window, index, end, readings[index].label))
        index = max(end, index + 1)
    return found


def _encoded(tokenizer: Tokenizer, words: Sequence[str]) -> Encoding:
    """The pieces of the words. Raises ValueError where the tokenizer, which is Rust, panics: that is no `Exception`."""
    try:
        return tokenizer.encode(list(words), is_pretokenized=True)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - see above
        raise ValueError(f"the tokenizer failed ({type(error).__name__})") from None


def _span(window: Window, start: int, end: int, label: str) -> Span:
    """A place with a house number behind it is an address; a street takes its floor along."""
    if label not in ("ADDRESS", "LOCATION"):
        return Span(start, end, label)
    after = place.numbered(window, end)
    if after == end or window.norm(after) in UNITS:
        return Span(start - place.has_prefix(window, start), end, label)
    return Span(start - place.has_prefix(window, start), after, "ADDRESS")


def _as_written(window: Window, index: int) -> str:
    norm = window.norm(index)
    return norm.capitalize() if window.said[index].word.is_capital else norm


def _may_name(window: Window, readings: Sequence[Reading], index: int) -> bool:
    norm = window.norm(index)
    if norm in SERVANTS or is_number(norm) or window.lexicon.is_kept(norm) or not any(map(str.isalpha, norm)):
        return False
    least = LEAST_BESIDE if _is_plain(window, index) else LEAST_UNKNOWN
    return readings[index].probability >= least


def _is_plain(window: Window, index: int) -> bool:
    """A word of every day or a number, and not written like a name."""
    word = window.said[index].word
    is_known = window.lexicon.is_ordinary(word.norm) or is_number(word.norm)
    return is_known and (word.begins_sentence or not word.is_capital)


def _is_sure(window: Window, readings: Sequence[Reading], start: int, end: int) -> bool:
    if not all(_is_plain(window, index) for index in range(start, end)):
        return True
    return max(each.probability for each in readings[start:end]) >= LEAST_ORDINARY


def _goes_on(window: Window, readings: Sequence[Reading], start: int, end: int) -> bool:
    return end == start or (readings[end].label == readings[start].label and window.same_turn(start, end))


def _classes(outputs: Sequence[str]) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Our labels, and which outputs of the model count for each: (outputs, labels) of 0 and 1.

    Raises ModelError where a model knows none of our labels.
    """
    ours = [LABEL_OF.get(output.rpartition("-")[2]) for output in outputs]
    labels = sorted({label for label in ours if label})
    if not labels:
        raise ModelError("the name model knows no label of ours", f"known: {', '.join(LABEL_OF)}")
    return labels, np.array([[label == each for each in labels] for label in ours], dtype=np.float32)


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float32)
