"""How this project's HTML pages look: one frame, one style, and plots drawn as text. What a page says is decided elsewhere."""
