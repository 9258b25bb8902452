"""Facts about what is selected."""
