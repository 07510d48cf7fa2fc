"""Framework against spot: one market of call-offs and providers, met by every route."""
