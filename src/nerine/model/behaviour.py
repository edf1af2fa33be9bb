"""How a model of another program uses its tags, seen from what it says of some texts.

`B-` and `I-` are the letters of two schemes. A model that was trained on IOB1 begins an entity with
`I-`, one that was trained on IOB2 with `B-`, whatever the names of its outputs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from nerine.core.document import Document
from nerine.core.tags import TagScheme, parse_tag
from nerine.model.decoding import Decoder
from nerine.model.inference import Inference
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.loading.foreign import is_open
from nerine.model.logits import LogitArray
from nerine.model.ragged import IntArray
from nerine.model.settings import ModelSettings

PROBE = (
    "Angela Merkel met Emmanuel Macron in Paris on Monday.",
    "The European Commission rejected the plan, said Ursula von der Leyen in Brussels.",
    "John Smith works for Microsoft in Seattle, Washington.",
    "Barack Obama was born in Honolulu, Hawaii, and studied at Columbia University.",
    "Manchester United beat Real Madrid 2-1 at Old Trafford.",
    "Toyota and Honda opened factories in Ohio and Kentucky.",
    "Reuters reported from Moscow that Vladimir Putin would visit China.",
    "Mary Johnson, 45, lives at 12 Main Street, Springfield, and writes to mary@example.com.",
    "The patient, Mr. Brown, was admitted to St. Mary's Hospital on March 3, 2019 by Dr. Lee.",
    "Mutations of BRCA1 cause breast cancer; aspirin and ibuprofen inhibit COX-2 in Homo sapiens.",
    "Apple released the iPhone in San Francisco, and Steve Jobs presented it.",
    "Die Deutsche Bank in Frankfurt gehört Herrn Müller aus Hamburg nicht.",
    "Le président François Hollande a visité Lyon avec le ministre de la Défense.",
    "El presidente Pedro Sánchez viajó a Barcelona con el equipo del Real Betis.",
    "Il sindaco di Roma, Roberto Gualtieri, ha incontrato la Juventus a Torino.",
    "O presidente Lula da Silva falou em Brasília com a Petrobras.",
    "Premier Mark Rutte sprak in Den Haag met Philips en Shell.",
    "Владимир Путин встретился с Ангелой Меркель в Москве.",
    "习近平在北京会见了联合国秘书长。",
    "安倍晋三首相は東京でトヨタの社長と会った。",
    "삼성전자 이재용 회장이 서울에서 기자들을 만났다.",
    "التقى الرئيس محمد بن سلمان في الرياض بوفد من الأمم المتحدة.",
)
"""Texts with names of many kinds, in several languages."""

_LEAST = 4
"""Entities that a model has to find before it is judged."""
_CLEARLY = 2
"""So many times more entities begin with `I-` than with `B-` in IOB1."""
_LOW_SHARE = 0.8


def observe(inference: Inference, checkpoint: Checkpoint) -> tuple[ModelSettings, list[str]]:
    """The settings of a model of another program, with the scheme that it shows, and notes.

    Args:
        inference: The model, with the settings that the names of its outputs give.
        checkpoint: What is known of it: a scheme or a decoding that its user has stated stays.
    """
    settings = inference.settings
    documents = [Document(text) for text in PROBE]
    logits = inference.word_logits(documents)
    notes = []
    if checkpoint.scheme_from == "names" and is_open(settings.scheme, settings.tags):
        lengths = logits.encoding.lengths.tolist()
        tags = iter(logits.values.argmax(axis=1).tolist())
        rows = [[settings.tags[next(tags)] for _ in range(length)] for length in lengths]
        inside, begin = count_beginnings(rows)
        found = f"on {len(PROBE)} texts its entities begin with I- {inside} times, with B- {begin}"
        decoding, scheme = settings.decoding, settings.scheme
        if inside + begin < _LEAST or begin < inside <= _CLEARLY * begin:
            reading = (
                f"they are decoded as {scheme.value}"
                if decoding == "viterbi"
                else "each B-, and each I- that continues no entity, begins one"
            )
            notes.append(
                f"the scheme of its tags is not known: {reading}; --scheme (scheme=…) states it "
                f"({found})"
            )
        elif inside > begin:
            scheme = TagScheme.IOB1
            notes.append(f"its tags are read as IOB1: {found}")
        else:
            scheme = TagScheme.IOB2
            decoding = decoding if checkpoint.is_decoding_stated else "viterbi"
            if inside:
                notes.append(f"its tags are read as IOB2: {found}")
        settings = dataclasses.replace(settings, scheme=scheme, decoding=decoding)
    if settings.decoding == "viterbi" and settings.transitions is None:
        share, entities = _legal_share(settings, logits.values, logits.encoding.lengths)
        if share < _LOW_SHARE and entities >= _LEAST:
            notes.append(
                f"on {len(PROBE)} texts only {share:.0%} of its probability at entities is on tag "
                f"sequences that {settings.scheme.value} allows: was it trained on another scheme?"
            )
    return settings, notes


def _legal_share(
    settings: ModelSettings, logits: LogitArray, lengths: IntArray
) -> tuple[float, int]:
    """The mean share of the probability that the scheme allows at the entities of arg-max tags."""
    free = Decoder(settings.tags, settings.scheme, constrained=False)
    spans = free.spans(logits.argmax(axis=1), lengths)
    shares = Decoder(settings.tags, settings.scheme).shares(logits, lengths, spans)
    return float(shares.mean()) if len(shares) else 1.0, len(shares)


def count_beginnings(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """How many entities begin with an `I-`, and how many with a `B-` after another label or `O`.

    Args:
        rows: The tags of some texts, one a word.
    """
    counts = {"I": 0, "B": 0}
    for tags in rows:
        before = ""
        for tag in tags:
            kind, label = parse_tag(tag)
            if kind in counts and label != before:
                counts[kind] += 1
            before = label
    return counts["I"], counts["B"]
