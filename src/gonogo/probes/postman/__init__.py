"""A team's Postman collection: read, guarded, run by newman or by what of it is understood here."""
