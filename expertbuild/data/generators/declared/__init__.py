"""A task generator that is declared in YAML, beside the expert's recipe: slots, phrasings, answers.

It speaks by the phrase grammar of `phrases.py`, as the generators written in Python do. See docs/data.md.
"""
