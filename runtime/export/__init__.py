"""Out to other engines: a base with an expert as files that PEFT, transformers and llama.cpp read.

Reads the artifact, the engine's base files and their shape; computes nothing that the engine computes. What a format
cannot say is refused by name, never left out. Who may be exported, and from where, the verb decides.
"""
