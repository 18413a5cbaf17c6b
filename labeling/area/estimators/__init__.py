"""From a stratified random sample of tiles to mined area and to how far the map can be trusted. Pure: no Django."""
