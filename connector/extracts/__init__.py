"""Files for warehouse and finance."""
