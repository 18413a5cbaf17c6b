"""What every request passes: limits, permissions, sessions, caches, logs without names."""
