"""The head of tags: targets and loss where several outputs have one tag, or a label is unknown."""

from __future__ import annotations

import pytest
import torch

from nerine.core.document import Document, Entity
from nerine.core.tags import TagScheme
from nerine.core.words import rule_words
from nerine.model.heads import TagHead
from nerine.model.heads.tags import IGNORED
from nerine.model.settings import ModelSettings

TAGS = TagScheme.IOB2.tags(("a",))
SHARED = ModelSettings(TAGS, TagScheme.IOB2, outputs=("O", "B-a", "O", "I-a"))


def test_the_loss_of_a_tag_is_that_of_all_its_outputs() -> None:
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(5))
    targets = torch.tensor([[0, 1, 2], [IGNORED, 0, 1]])
    probs = logits.softmax(dim=-1)
    of_tags = torch.stack([probs[..., [0, 2]].sum(-1), probs[..., 1], probs[..., 3]], dim=-1)
    known = targets != IGNORED
    expected = -of_tags[known].gather(1, targets[known][:, None]).log().sum()
    loss = TagHead(SHARED).loss(logits, targets)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)


def test_words_of_an_unknown_label_have_no_target() -> None:
    text = "Mira of Oslo"
    document = Document(text, (Entity(0, 4, "a"), Entity(8, 12, "b")))
    targets, adapted = TagHead(ModelSettings(TAGS, TagScheme.IOB2)).targets(
        document, rule_words(text)
    )
    assert (targets.tolist(), adapted) == ([TAGS.index("B-a"), TAGS.index("O"), IGNORED], 0)
