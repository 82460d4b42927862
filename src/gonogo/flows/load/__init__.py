"""What a load run is made of: guards, processes, the wire, its end."""
