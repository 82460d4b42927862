"""What a rollout is made of: its order, its platform, its plan, its making and its record."""
