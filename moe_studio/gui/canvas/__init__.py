"""The cluster canvas."""
