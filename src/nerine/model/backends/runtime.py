"""ONNX Runtime without its telemetry.

From version 1.29 on, ONNX Runtime sends events about sessions and models to Microsoft, from a
thread that starts when it is imported; a forked process that has lost this thread never exits. Only
`ORT_DISABLE_TELEMETRY`, set before the import, prevents both. A value that the user has set stays.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # reads the variable

__all__ = ["onnxruntime"]
