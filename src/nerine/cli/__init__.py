"""The command line: each command parses its options, calls the library, and shows the result.

| module | contents |
|---|---|
| `group` | the group of commands, which reports errors and sets the exit code |
| `failures` | errors as text and as JSON |
| `help` | the look of help, and the options of all commands |
| `verbosity` | `-q` and `-v` |
| `completion` | what TAB completes, and the script for bash |
| `options`, `model_options`, `prediction_options` | options that commands share |
| `training`, `resuming` | options and output of training commands; how to resume |
| `launched` | commands in several processes, started by torchrun |
| `terminal` | streams, JSON, tables and lines, safe for a terminal |
| `documents`, `scores` | documents, scores and epochs as lines and tables |
| `progress` | progress of training and tagging on a terminal |
| `outputs` | checks of output files |
| the others | a command each |

Exit codes: 0 done, 1 interrupted or cut off by a closed pipe, 2 unusable input. `check` exits with
1 if a finding has the severity `--fail-on` or a worse one, `tag` with 1 if some documents failed
and all others are done.
"""

from nerine.cli.group import main

__all__ = ["main"]
