"""The journal: what was charged stands in a file before the last byte of the answer goes out."""
