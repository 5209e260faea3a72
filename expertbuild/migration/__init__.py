"""Manifests of the older JSON form (schema 1.0 and 2.0), and packages around them, as expert directories."""
