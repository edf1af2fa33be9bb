def to_markdown(report): return ""
