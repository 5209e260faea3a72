"""The verbs about what is installed and who is trusted, one file each.

Each is a function of the words after the verb that returns an exit code; errors rise to the edge. `--json` prints one
JSON document and nothing else. The files here say what is typed and printed; what is done is in the modules that they
call.
"""
