"""Distillation: from a trained checkpoint to a smaller and faster one."""
