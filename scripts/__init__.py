"""What stands in front of Amber: set-up, supervision, checks. Standard library only: runs before any install."""
