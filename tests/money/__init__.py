"""Money: what the shop was paid is what every book says, to the cent."""
