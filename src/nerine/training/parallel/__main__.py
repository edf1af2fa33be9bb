"""A process of a `ProcessTeam`: python -m nerine.training.parallel DESCRIPTOR.

The descriptor is the number of its end of the pipe.
"""

import signal
import sys

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback while the rest is imported
    from nerine.training.parallel.worker import work

    work(int(sys.argv[1]))
