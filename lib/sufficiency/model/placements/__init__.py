"""How many children, where: rates, calibration, growth, the engine and the calendar."""
