"""Seeded generators: the words, shapes and tasks that offline recipes draw from."""
