"""The project itself: frozen values, edits of them, and what must always hold."""
