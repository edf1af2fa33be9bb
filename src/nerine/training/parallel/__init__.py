"""Training in several processes, each with a share of every batch and all the weights.

The settings of a run state the batch of all processes together, so that its plan, its steps and its
recipe are the same with any number of them.
"""
