"""People and their roles; the audit trail."""
