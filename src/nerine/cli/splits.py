"""What an option says of the splits of a corpus."""

from __future__ import annotations

from nerine.core.errors import SettingsError


def stated_splits(value: str | None) -> dict[str, str] | None:
    """Our splits and what a corpus calls them, from `train=train_2020,test=test_2021`."""
    if value is None:
        return None
    pairs = [pair.partition("=") for pair in value.split(",")]
    found = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
    if len(found) < len(pairs) or not all(found.values()):
        raise SettingsError(
            f"{value!r} does not say which split is which",
            place="--corpus-splits",
            expected="pairs such as train=train_2020,test=test_2021, each of our splits once",
        )
    return found
