"""Evaluation of predicted against gold documents: scores, significance, errors, report."""
