"""Help pages and the tour."""
