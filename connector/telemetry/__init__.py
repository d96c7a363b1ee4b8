"""What is counted and traced while the work is done; the names are a vocabulary."""
