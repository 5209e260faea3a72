"""A new expert's directory: what can be guessed from the user's own table is guessed, and said."""
