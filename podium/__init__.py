"""podium: from a vision competition's raw data to a scored submission."""
