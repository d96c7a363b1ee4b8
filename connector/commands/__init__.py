"""The commands, one group a file. Heavy imports stand inside them: help must answer at once."""
