"""The name model: what it adds, what can take its place, and that nothing travels where it cannot be used."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tavs.catalogue import CHECKOUT, find
from tavs.config import Masking
from tavs.errors import ModelError
from tavs.events import CallId, Channel
from tavs.host.home import Home
from tavs.masking.detect import Masker, masker, masker_or_none_travels
from tavs.masking.gate import Gate
from tavs.masking.names import NameModel
from tavs.speech.utterance import Utterance
from tokenizers import Tokenizer, models, pre_tokenizers

EMBEDDED = NameModel(find("tavs-names-da", [CHECKOUT]))
UNLISTED = [
    "det var {} der kørte bilen",
    "jeg talte med {} i går om skaden",
    "kan du bede {} ringe tilbage",
    "min nabo {} så det hele",
]
NAMES = ["hjalmtyr", "zdzislawka", "oddvaldur", "quynhanh", "abdulqadirow", "thiruchelvi", "wojslaw", "nivikka"]


def masked(text: str, detectors: Masker) -> str:
    gate = Gate(call=CallId("call"), masker=detectors)
    said = Utterance(call=CallId("call"), channel=Channel.CUSTOMER, sequence=1, t0_ms=0, t1_ms=3000, text=text)
    return " ".join(part.text.text for part in [*gate.feed(said), *gate.flush()])


def test_lower_case_names_of_no_list_are_found_by_the_model_more_often_than_without() -> None:
    with_model, alone = masker(Masking(), [CHECKOUT]), masker(Masking(names=""), [CHECKOUT])
    texts = [(frame.format(name), name) for frame in UNLISTED for name in NAMES]
    found = {
        detectors: sum(name not in masked(text, detectors) for text, name in texts) for detectors in (with_model, alone)
    }
    assert found[with_model] >= len(texts) * 0.9
    assert found[with_model] > found[alone]


def test_every_word_gets_one_reading_however_it_is_cut_into_pieces() -> None:
    words = ["jeg", "hedder", "Wojciech", "😀", "", "x" * 64, "\u200b", "bor"]
    assert len(words) == len(EMBEDDED.read(words))


def test_the_model_is_sure_of_plain_names_and_of_plain_words() -> None:
    readings = EMBEDDED.read("mit navn er mette kjær og jeg bor i holstebro".split())
    assert "PERSON" == readings[3].label and readings[3].probability > 0.9
    assert "LOCATION" == readings[9].label and readings[9].probability > 0.5
    assert readings[0].probability < 0.1 and readings[6].probability < 0.1


def test_a_window_of_too_many_pieces_is_refused_so_that_it_is_withheld() -> None:
    with pytest.raises(ValueError, match="too many"):
        EMBEDDED.read([chr(0x4E00 + number) * 60 for number in range(60)])


# --- a model of other make ---------------------------------------------------------------------------------------------


def other_model(folder: Path) -> Home:
    """A home whose catalogue has a BERT-like classifier that takes one invented word for a person, and nothing else."""
    home = Home(folder)
    home.models.mkdir(parents=True)
    vocabulary = {"[UNK]": 0, "[PAD]": 1, "zorgblat": 2, "hej": 3}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(home.models / "other.json"))
    table = np.full((4, 3), -4, dtype=np.float32)
    table[:, 0], table[2] = 4, [-4, 4, -4]
    names = ["input_ids", "attention_mask", "token_type_ids"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "tokens", 3])
    gather = helper.make_node("Gather", ["table", "input_ids"], ["logits"], axis=0)
    graph = helper.make_graph([gather], "other", inputs, [output], [numpy_helper.from_array(table, "table")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(home.models / "other.onnx"))
    enter(home, "other")
    return home


def enter(home: Home, name: str, labels: str = '["O", "I-PER", "I-MISC"]') -> None:
    model, words = (home.models / f"{name}.onnx").read_bytes(), (home.models / f"{name}.json").read_bytes()
    (home.models / "catalogue.toml").write_text(
        f'[{name}]\nkind = "names"\nengine = "onnx"\nfile = "{name}.onnx"\ntokenizer = "{name}.json"\n'
        f'labels = {labels}\nsize_bytes = {len(model)}\nsha256 = "{hashlib.sha256(model).hexdigest()}"\n'
        f'tokenizer_sha256 = "{hashlib.sha256(words).hexdigest()}"\nproduction = true\n',
        encoding="utf-8",
    )


def test_any_token_classifier_with_its_tokenizer_can_take_the_place_of_the_embedded_one(tmp_path: Path) -> None:
    home = other_model(tmp_path)
    detectors = masker(Masking(names="other"), [home.models, CHECKOUT])
    assert "hej <PERSON_1> er der hul i taget" == masked("hej zorgblat er der hul i taget", detectors)


def test_a_model_that_knows_none_of_our_labels_is_refused(tmp_path: Path) -> None:
    home = other_model(tmp_path)
    enter(home, "other", '["O", "B-DRUG", "I-DRUG"]')
    with pytest.raises(ModelError, match="no label of ours"):
        masker(Masking(names="other"), [home.models])


# --- a model that cannot be used ---------------------------------------------------------------------------------------


def broken(folder: Path, damage: str) -> Home:
    home = other_model(folder)
    model, words = home.models / "other.onnx", home.models / "other.json"
    match damage:
        case "missing":
            model.unlink()
        case "no tokenizer":
            words.unlink()
        case "cut":
            model.write_bytes(model.read_bytes()[:-7])
        case "flipped":
            data = bytearray(model.read_bytes())
            data[len(data) // 2] ^= 0xFF
            model.write_bytes(data)
        case "noise":
            model.write_bytes(bytes(range(256)) * 4)
            enter(home, "other")
        case "tokenizer of noise":
            words.write_text("{}", encoding="utf-8")
            enter(home, "other")
    return home


@pytest.mark.parametrize("damage", ["missing", "no tokenizer", "cut", "flipped", "noise", "tokenizer of noise"])
def test_without_its_model_nothing_travels(tmp_path: Path, damage: str) -> None:
    home = broken(tmp_path, damage)
    with pytest.raises(ModelError):
        masker(Masking(names="other"), [home.models])
    detectors = masker_or_none_travels(Masking(names="other"), [home.models])
    assert "" == masked("hej jeg hedder mette og der er vand i kælderen. tak.", detectors).strip()


def test_tavs_mask_says_what_is_wrong_and_prints_no_text(tmp_path: Path) -> None:
    home = broken(tmp_path, "flipped")
    home.etc.mkdir(parents=True)
    (home.etc / "masking.toml").write_text('names = "other"\n', encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "tavs", "mask"], input="jeg hedder mette\n", capture_output=True, text=True, check=False,
        env={"TAVS_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert 0 != ran.returncode
    assert "" == ran.stdout
    assert "other" in ran.stderr and "mette" not in ran.stderr


def test_the_site_may_bring_the_embedded_model_itself(tmp_path: Path) -> None:
    home = Home(tmp_path)
    shutil.copytree(CHECKOUT / "ner", home.models / "ner")
    shutil.copy(CHECKOUT / "catalogue.toml", home.models)
    assert "<PERSON_1>" in masked("mit navn er mette kjær", masker(Masking(), [home.models]))
