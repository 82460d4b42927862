"""PostgreSQL: reading statements, row counts, and a dump restored into a scratch database."""
