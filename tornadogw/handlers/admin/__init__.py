"""The admin API: what the consoles do, as JSON, for programs with a token. `table` has every operation."""
