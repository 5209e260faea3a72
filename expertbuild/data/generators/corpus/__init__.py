"""The embedded base's own corpus: formats, words and copying, and never a task.

Each field is one file with a `sample(rng) -> str | Chat`: a plain document, or turns of a
conversation that the base's chat template renders. No question stands with its query here, no broken
document with its repair, no text with its extraction: what an expert is for comes from its adapter.
"""
