"""Parts of the patterns of words, for the library `regex` (V1)."""

UNSPACED = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}"
    r"\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}"
)
"""Letters of scripts without spaces."""

BLANK = r"\s\x1c-\x1f"
"""White space as for `str.isspace`: `\\s` of regex lacks the ASCII separators."""

CLITIC = r"['’](?i:s|m|re|ve|ll|d)(?![\p{L}\p{N}\p{M}_])"
"""An English ending."""

# The bounds keep the time linear on any input.
ADDRESS = (
    rf"""(?:https?://|www\.)[^{BLANK}<>"“”«»]*[^{BLANK}<>"“”«»'.,;:!?)\]}}…]"""
    r"|[\p{L}\p{N}_.+-]{1,64}+@(?:[\p{L}\p{N}-]{1,63}+\.){1,8}\p{L}{2,63}+"
)
"""The address of a web page, or for e-mail."""
