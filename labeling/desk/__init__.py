"""The labelling desk: which tile comes next, what people say of it, what the crowd jointly says."""
