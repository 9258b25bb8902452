"""Taking results away: everything that the command line exports, with a preview of what is written."""
