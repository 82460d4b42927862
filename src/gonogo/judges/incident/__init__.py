"""What an incident is: how severe, how far it reaches, its likely cause, and how its recovery went."""
