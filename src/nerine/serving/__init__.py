"""A tagger at work in other programs: files, ONNX."""
