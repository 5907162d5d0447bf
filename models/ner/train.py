"""Trains the name model: `python train.py DANE_TRAIN.iob2 TERMS_DIR NAMES_DIR OUT_DIR [--passes N]`. About half an hour on two cores."""

from __future__ import annotations

import argparse
import copy
import random
import time
from pathlib import Path

import torch
from corpus import LABELS, training
from entities import Entities, load
from network import Tagger
from noise import Token
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import nn

TAGS = ["O", *(f"{part}-{label}" for label in LABELS for part in "BI")]
UNKNOWN, PADDING = "[UNK]", "[PAD]"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅÄÖÜÉÁÍÓÚÐÞŞÇĞİŁŚŻŽŠČĆ"
"""A capital is written as a mark and the small letter, so that both spellings of a name share what is learned."""
VOCABULARY = 12_000
CALLS = 20_000
BATCH = 64
PEAK = 2e-3
WORD_DROPOUT = 0.06
Example = tuple[list[int], list[int]]


def tokenizer(entities: Entities, dane: Path, terms: Path) -> Tokenizer:
    made = Tokenizer(models.BPE(unk_token=UNKNOWN, continuing_subword_prefix="##"))
    small = [normalizers.Replace(letter, f"^{letter.lower()}") for letter in CAPITALS]
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), *small, normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(r"\^|\d|[^\w\s^]"), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), split])
    text = (" ".join(word for word, _ in sentence) for _ in range(4) for sentence in training(dane, terms, entities, CALLS))
    made.train_from_iterator(
        text,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[PADDING, UNKNOWN],
            continuing_subword_prefix="##",
            min_frequency=3,
            show_progress=False,
        ),
    )
    return made


def encoded(made: Tokenizer, sentences: list[list[Token]]) -> list[Example]:
    """(ids, tag number of each id); only the first piece of a word carries its tag, the others -100."""
    examples = []
    batch = made.encode_batch([[word for word, _ in sentence] for sentence in sentences], is_pretokenized=True)
    for sentence, encoding in zip(sentences, batch, strict=True):
        tags, before = [], None
        for word in encoding.word_ids:
            tags.append(TAGS.index(sentence[word][1]) if word != before and word is not None else -100)
            before = word
        if encoding.ids:
            examples.append((encoding.ids[:160], tags[:160]))
    return examples


def batches(examples: list[Example], draw: random.Random) -> list[list[Example]]:
    """Of like length, in any order."""
    ordered = sorted(examples, key=lambda example: len(example[0]) + draw.random() * 4)
    grouped = [ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH)]
    draw.shuffle(grouped)
    return grouped


def tensors(group: list[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(ids) for ids, _ in group)
    ids = torch.tensor([each + [0] * (longest - len(each)) for each, _ in group])
    tags = torch.tensor([each + [-100] * (longest - len(each)) for _, each in group])
    mask = torch.tensor([[1] * len(each) + [0] * (longest - len(each)) for each, _ in group])
    return ids, mask, tags


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dane", type=Path)
    parser.add_argument("terms", type=Path)
    parser.add_argument("names", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--passes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    draw = random.Random(given.seed)
    entities = load(given.names, given.seed)
    made = tokenizer(entities, given.dane, given.terms)
    given.out.mkdir(parents=True, exist_ok=True)
    made.save(str(given.out / "tokenizer.json"))
    made.model.dropout = 0.1

    model = Tagger(made.get_vocab_size(), len(TAGS))
    average = copy.deepcopy(model)
    print(f"{sum(each.numel() for each in model.parameters()) / 1e6:.2f} M parameters, {made.get_vocab_size()} pieces")
    steps = given.passes * (8800 + CALLS) // BATCH
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK, total_steps=steps + 200, pct_start=0.08)
    loss_of = nn.CrossEntropyLoss(ignore_index=-100, label_smoothing=0.02)
    began = time.monotonic()
    for number in range(given.passes):
        model.train()
        total = count = 0.0
        for group in batches(encoded(made, list(training(given.dane, given.terms, entities, CALLS))), draw):
            ids, mask, tags = tensors(group)
            ids = torch.where(torch.rand(ids.shape) < WORD_DROPOUT, torch.ones_like(ids), ids)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(ids, mask)
            loss = loss_of(logits.float().flatten(0, 1), tags.flatten())
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            if schedule.last_epoch < steps + 199:
                schedule.step()
            with torch.no_grad():
                for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
                    slow.lerp_(fast, 0.002 if schedule.last_epoch > 1000 else 0.02)
            total, count = total + loss.item(), count + 1
        print(f"pass {number + 1} loss {total / count:.4f} {time.monotonic() - began:.0f} s", flush=True)
        torch.save(average.state_dict(), given.out / "tagger.pt")


if __name__ == "__main__":
    main()
