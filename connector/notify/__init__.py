"""Messages to people: what they say, in Chinese and English, and how they are sent."""
