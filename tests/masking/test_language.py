"""A caller is taken for one who speaks Danish, or not, by what they said last."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tavs.masking.language import CallerLanguage

HERE = Path(__file__).parent
MARK = re.compile(r"\[\[[A-Z_]+:(.*?)\]\]")
FOREIGN = (
    "hello I would like to report a water damage in my kitchen the hose burst and now the whole floor is wet can you help me",
    "guten tag ich möchte einen wasserschaden melden in meiner küche ist der schlauch geplatzt und der ganze boden ist nass",
    "dzień dobry chciałbym zgłosić szkodę wodną w mojej kuchni pękł wąż i teraz cała podłoga jest mokra czy może mi pani pomóc",
    "merhaba mutfağımda bir su hasarı bildirmek istiyorum hortum patladı ve şimdi bütün zemin ıslak bana yardım edebilir misiniz acaba çok teşekkür ederim",
    "hælo ai vud laik tu riport æ vota damids in mai kitsen de hos børst ænd nau de houl flor is vet kæn ju help mi vid dæt plis",
)


def callers() -> Iterator[tuple[str, list[str]]]:
    for path in [*sorted(HERE.glob("hands/[a-h]?.jsonl")), *sorted(HERE.glob("calls/*.jsonl"))]:
        said: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            turn = json.loads(line)
            if turn["channel"] == "customer":
                said.setdefault(f"{path.stem} {turn['call']}", []).append(MARK.sub(r"\1", turn["text"]))
        yield from said.items()


def test_no_caller_who_speaks_danish_is_silenced_however_badly_they_were_heard() -> None:
    silenced = []
    for name, texts in callers():
        language = CallerLanguage()
        if not all([language.is_known(text) for text in texts]):
            silenced.append(name.partition(" ")[0])
    assert {"e8"} == set(silenced)  # who says "hello is it okay in english", and goes on so


@pytest.mark.parametrize("said", FOREIGN)
def test_a_caller_in_another_language_is_known_by_twenty_words(said: str) -> None:
    assert not CallerLanguage().is_known(said)


def test_numbers_and_spelled_letters_say_nothing_about_the_language() -> None:
    language = CallerLanguage()
    assert all([language.is_known("nul otte femten treogtyve t g x syv to enogfyrre") for _ in range(20)])


def test_swedes_and_norwegians_are_understood() -> None:
    swedish = "hej jag skulle vilja anmäla en vattenskada i mitt kök slangen har gått sönder och nu är hela golvet blött kan ni hjälpa mig"
    norwegian = "hei jeg vil gjerne melde en vannskade på kjøkkenet mitt slangen har sprukket og nå er hele gulvet vått kan dere hjelpe meg"
    assert CallerLanguage().is_known(swedish)
    assert CallerLanguage().is_known(norwegian)
