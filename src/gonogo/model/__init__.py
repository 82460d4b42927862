"""The nouns of gonogo: frozen values, standard library only."""
