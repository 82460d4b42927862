"""HTTP: one request, several, or asked again until it is done, and what every client of an HTTP API stands on."""
