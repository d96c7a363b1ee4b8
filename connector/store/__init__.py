"""What the connector remembers: tables, migrations and the queries on them."""
