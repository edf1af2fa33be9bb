"""Classes of characters that decide about words, for patterns of the library `regex` (V1)."""

UNSPACED = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}"
    r"\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}"
)
"""Letters of scripts without spaces."""

BLANK = r"\s\x1c-\x1f"
"""White space as for `str.isspace`: `\\s` of regex lacks the ASCII separators."""

CLITIC = r"['’](?i:s|m|re|ve|ll|d)(?![\p{L}\p{N}\p{M}_])"
"""An English ending."""
