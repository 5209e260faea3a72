"""The steps of a build, one file each: a declaration of what it reads, and one function that does it.

`plan.py` places them in a graph. Importing a declaration imports nothing heavy; the function's own
imports happen in the worker that runs it.
"""
