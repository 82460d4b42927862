"""What an examination of a rate limit is made of."""
