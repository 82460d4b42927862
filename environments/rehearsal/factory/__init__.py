"""A stand-in of AI Factory and of all that knows about it."""
