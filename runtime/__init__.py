"""The machine: verifies, installs, routes and serves `.expert` files.

Imports nothing of `expertbuild`; a serving host installs without the training dependencies.
"""
