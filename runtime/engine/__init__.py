"""The token machine: a base model, a paged cache, a scheduler, a sampler, adapters and grammars.

Knows tokens and tensors; what an expert, a package or a request over HTTP is, other floors know.
"""
