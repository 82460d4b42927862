"""Changes of traffic, releases and rules that would be made: dry runs that change nothing."""
