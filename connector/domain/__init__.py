"""Pure business rules: no I/O, and nothing imported from the rest of the project but its errors."""
