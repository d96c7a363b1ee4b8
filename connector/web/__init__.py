"""The service seen from outside: health, metrics and a status page, all read-only."""
