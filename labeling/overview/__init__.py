"""The admin's first page: where each region stands in the loop, and what brings it on."""
