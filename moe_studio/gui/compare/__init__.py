"""Two designs side by side: pictures with locked views, what differs, and why one is faster."""
