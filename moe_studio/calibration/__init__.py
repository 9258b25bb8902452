"""Fits kernel models to measured run times, keeps what was fitted, and predicts with it."""
