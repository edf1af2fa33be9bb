"""Cases of errors with hints, by the part of the project that raises them."""

from hint_cases import alignments, columns, corpora, files, records, standoff, studio, tables
from hints import Case

CASES: dict[str, Case] = {
    f"{part.__name__.rpartition('.')[2]}: {name}": case
    for part in (files, columns, tables, records, studio, standoff, corpora, alignments)
    for name, case in part.CASES.items()
}
