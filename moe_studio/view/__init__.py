"""Projections of an evaluation that a person can look at: small graphs with labels."""
