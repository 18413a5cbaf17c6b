"""What a crowd jointly says and who of it can be believed: pure mathematics on arrays, no Django, no files."""
