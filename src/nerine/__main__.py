"""`python -m nerine`: the command line."""

from __future__ import annotations

from nerine.cli import main

if __name__ == "__main__":
    main(prog_name="nerine")
