"""Gold documents against predicted ones: scores, their certainty, and the report. No model here."""
