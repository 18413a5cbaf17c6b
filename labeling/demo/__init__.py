"""The demo's content: made-up ground on which every station has something to show."""
