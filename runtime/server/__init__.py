"""The HTTP face of the runtime: the chat API that OpenAI's clients speak, health and metrics."""
