"""The server under load, against the servers that a user would write around `pipeline("ner")`."""
