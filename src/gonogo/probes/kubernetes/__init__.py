"""Ways of looking at a cluster, and the access that they share."""
