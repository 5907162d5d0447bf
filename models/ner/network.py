"""A small token classifier: sub-word embeddings, convolutions that see a word's neighbours, attention over the rest."""

from __future__ import annotations

import torch
from torch import nn


class Convolution(nn.Module):
    def __init__(self, width: int, reach: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width * (2 * reach + 1), 2 * width)
        self.reach = reach
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        seen = self.norm(x) * mask
        padded = nn.functional.pad(seen, (0, 0, self.reach, self.reach))
        length = x.shape[1]
        windows = [padded[:, offset : offset + length] for offset in range(2 * self.reach + 1)]
        left, right = self.mix(torch.cat(windows, dim=-1)).chunk(2, dim=-1)
        return x + self.dropout(left * torch.sigmoid(right))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.norm_after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.heads, self.dropout = heads, nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        shape = (batch, length, self.heads, width // self.heads)
        query, key, value = (part.reshape(shape).transpose(1, 2) for part in self.project(self.norm(x)).chunk(3, -1))
        score = query @ key.transpose(-1, -2) * (width // self.heads) ** -0.5
        score = score + (1 - mask.reshape(batch, 1, 1, length)) * -1e4
        seen = (self.dropout(score.softmax(-1)) @ value).transpose(1, 2).reshape(batch, length, width)
        x = x + self.dropout(self.out(seen))
        return x + self.dropout(self.down(torch.relu(self.up(self.norm_after(x)))))


class Tagger(nn.Module):
    """(batch, tokens) int64 ids and attention mask → (batch, tokens, labels) float32 logits."""

    def __init__(self, vocabulary: int, labels: int, width: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.near = nn.ModuleList(Convolution(width, 1, dropout) for _ in range(3))
        self.far = nn.ModuleList(Attention(width, 4, dropout) for _ in range(3))
        self.last = Convolution(width, 1, dropout)
        self.norm, self.dropout = nn.LayerNorm(width), nn.Dropout(dropout)
        self.head = nn.Linear(width, labels)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        mask = attention_mask.unsqueeze(-1).to(self.embedding.weight.dtype)
        x = self.dropout(self.embedding(input_ids))
        for layer in (*self.near, *self.far, self.last):
            x = layer(x, mask)
        return self.head(self.dropout(self.norm(x)))
