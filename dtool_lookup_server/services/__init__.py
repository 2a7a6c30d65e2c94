"""Use cases: each function one thing that somebody wants done. No HTTP in here."""
