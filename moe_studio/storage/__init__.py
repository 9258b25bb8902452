"""Project files, the catalogue and imports from other programs."""
