"""The `.expert` format, and nothing about who installs it or runs it."""
