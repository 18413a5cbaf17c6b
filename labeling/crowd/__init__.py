"""Volunteers: their accounts and records, what they learn from, what each has contributed."""
