"""What scripts/bench runs: servers side by side, ratios, a table and plots."""
