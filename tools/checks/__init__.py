"""One module a rule; each has check(), which returns what it found."""
