"""The folder for the web against Python: the same entities, and its speed."""
