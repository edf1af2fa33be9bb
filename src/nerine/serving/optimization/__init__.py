"""Finds the fastest way to run a checkpoint that is accurate enough.

==============  ==============================================================
module          content
==============  ==============================================================
`optimize`      the whole of it, and its result
`variants`      a checkpoint → its ONNX models, ready to be measured
`exporting`     a PyTorch model → an ONNX model, checked
`channels`      the largest inputs of a model's products on some texts
`quantisation`  an ONNX model → one with 8-bit numbers
`measuring`     scores, agreement with PyTorch and speed on the user's documents
`footprint`     memory and time to the first result, in a process of its own
`choice`        the variants that are good enough, and the fastest of them
`folder`        the folder `onnx` of a checkpoint
==============  ==============================================================
"""
