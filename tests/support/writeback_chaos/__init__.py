"""A model-based chaos test of the write-back: random steps, a printed seed, and what must be true whatever happens."""
