"""Forms that are made from tables of settings."""
