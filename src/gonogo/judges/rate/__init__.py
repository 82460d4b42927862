"""Rate limits: a timeline against a declared policy, the limiter inferred without one, the plan of what to ask."""
