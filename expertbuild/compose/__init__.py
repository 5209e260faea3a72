"""Configuration: from what the user typed and a few folders of YAML to plain, checked dictionaries.

Hydra composes; this package tells it where experts live (`source`), asks it (`command`, `jobs`),
remembers its answers (`memo`), checks them against the schemas (`check`), and says what is wrong with
file and line (`origins`, `diagnose`). What a value means for data or models is not known here.
"""
