"""The start page, notices, and what keeps a document safe while it is open."""
