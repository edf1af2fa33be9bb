"""python -m tools.docstrings [package folder]

Prints what is missing as `file:line: name: what; expected: what`, and exits with 1 if anything is.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from tools.docstrings.code import Package
from tools.docstrings.rules import check

FOLDER = "src/nerine"


def main(folder: str = FOLDER) -> int:
    """Checks a package and prints what is missing.

    Args:
        folder: The package's folder.

    Returns:
        The exit status: 1 where something is missing, 2 where there is no package.
    """
    if not (Path(folder) / "__init__.py").is_file():
        print(f"{folder}: there is no package; expected: a folder with __init__.py")
        return 2
    complaints = check(Package.read(Path(folder)))
    for complaint in complaints:
        print(complaint)
    if complaints:
        counts = Counter(complaint.rule for complaint in complaints)
        print(", ".join(f"{rule} {count}" for rule, count in counts.most_common()))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
