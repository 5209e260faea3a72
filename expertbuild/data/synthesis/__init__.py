"""Rows that a language model writes: what is asked, by whom, within which limits, and the answers that were locked.

A build never asks anybody. `expertbuild synthesize` asks, once, and locks each answer by the content of its request in
a file beside the recipe; a build reads that file, as it reads any other, and gives the same rows without a network.
"""
