"""Load records: objectives and properties of a run, and the search for the highest rate that keeps them."""
