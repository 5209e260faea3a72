"""What is installed, who may sign it, and which of it is meant: below the engine, above the format."""
