"""A checkpoint → a repository on the hub, with nothing in it that its owner would regret.

==========  =======================================================
module      what lives there
==========  =======================================================
`listing`   which files go out, and which stay, and why
`naming`    records without paths of this machine
`secrets`   tokens and keys, looked for in all that goes out
`contents`  a folder → the files that are sent, all checked
`marking`   how a later push knows a card again that it wrote
`pushing`   what is there already, what is sent, what is taken away
==========  =======================================================
"""

from nerine.publication.contents import Contents
from nerine.publication.listing import LeftOut
from nerine.publication.naming import Shortened
from nerine.publication.pushing import (
    Pushed,
    PushOptions,
    PushPlan,
    carry_out,
    plan_push,
    push,
    statements_of,
)

__all__ = [
    "Contents",
    "LeftOut",
    "PushOptions",
    "PushPlan",
    "Pushed",
    "Shortened",
    "carry_out",
    "plan_push",
    "push",
    "statements_of",
]
