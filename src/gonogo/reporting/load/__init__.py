"""A load run's record as a document, a page and its charts."""
