"""The router: which installed expert answers a prompt, or none of them, and why.

Decides with numpy alone; no torch is imported unless an expert asks for sentence embeddings.
"""
