"""The demo shop: two days of an invented shop's life, made through the real flow with the clock travelled."""
