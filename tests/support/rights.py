"""The rights of an ordinary user, for tests that run as root, for whom no file is locked."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

import pytest

_VERSION = 0x20080522
_PASS_LOCKED_FILES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@contextlib.contextmanager
def ordinary_rights() -> Iterator[None]:
    """In the block, this thread reads and writes only what the modes of files allow its user."""
    if os.name != "posix":
        pytest.skip("modes of files are those of POSIX")
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    rights = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, and their upper halves
    if not hasattr(libc, "capset") or libc.capget(header, rights) != 0:
        pytest.skip("root's rights cannot be given up here")
    effective = rights[0]
    rights[0] = effective & ~_PASS_LOCKED_FILES
    assert libc.capset(header, rights) == 0
    try:
        yield
    finally:
        rights[0] = effective
        assert libc.capset(header, rights) == 0
