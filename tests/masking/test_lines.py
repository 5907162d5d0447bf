"""`tavs mask` as others use it."""

import json
import subprocess
import sys

import pytest
from tavs.catalogue import CHECKOUT
from tavs.config import Masking
from tavs.errors import UsageError
from tavs.masking.detect import masker
from tavs.masking.lines import mask_jsonl, mask_plain

MASKER = masker(Masking(), [CHECKOUT])


def line(seq: int, text: str, call: str = "a", channel: str = "customer") -> str:
    return json.dumps(
        {"call": call, "seq": seq, "channel": channel, "t0": seq * 3.0, "t1": seq * 3.0 + 2, "text": text}
    )


def test_plain_lines_come_out_one_for_one_and_in_order() -> None:
    out = list(
        mask_plain(["mit cpr-nummer er nul syv\n", "elleve firs tolv tres\n", "\n", "tak for det hele\n"], MASKER)
    )
    assert 4 == len(out)
    assert "mit cpr-nummer er <CPR_1>" == out[0]
    assert "" == out[2]
    assert "tak for det hele" == out[3]
    assert "elleve" not in out[1]


def test_json_lines_keep_their_fields_and_no_others() -> None:
    given = json.loads(line(1, "jeg hedder Mette Kjær.")) | {"words": ["Mette"], "raw": "Mette"}
    [out] = [json.loads(each) for each in mask_jsonl([json.dumps(given)], MASKER)]
    assert {"call", "seq", "channel", "t0", "t1", "text", "labels"} == set(out) - {"held"}
    assert ["PERSON"] == out["labels"]
    assert "Mette" not in json.dumps(out)


def test_what_is_held_back_comes_later_with_its_own_number() -> None:
    out = [json.loads(each) for each in mask_jsonl([line(1, "det er nul syv"), line(2, "elleve firs")], MASKER)]
    assert any(each.get("held") and each["seq"] == 1 for each in out)
    assert not any("syv" in each["text"] or "elleve" in each["text"] for each in out)


def test_a_new_call_begins_everything_anew() -> None:
    out = [
        json.loads(each)
        for each in mask_jsonl([line(1, "jeg hedder Mette."), line(1, "jeg hedder Bo Lund.", call="b")], MASKER)
    ]
    assert {"<PERSON_1>"} == {word for each in out for word in each["text"].split() if word.startswith("<")} or all(
        "PERSON_2" not in each["text"] for each in out
    )


@pytest.mark.parametrize(
    "bad", ["{", "5", "[]", '{"call":1}', '{"call":"a","seq":"x","text":"t"}', '{"call":"a","seq":1,"text":7}']
)
def test_a_line_that_is_none_is_named_by_its_number_only(bad: str) -> None:
    with pytest.raises(UsageError, match="line 2") as refused:
        list(mask_jsonl([line(1, "hej"), bad], MASKER))
    assert bad not in refused.value.message


def test_the_command_reads_any_bytes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tavs", "mask"],
        input=b"\xff\xfe mit cpr er 0711801260\n",
        capture_output=True,
        check=False,
    )
    assert 0 == done.returncode
    assert b"0711801260" not in done.stdout
