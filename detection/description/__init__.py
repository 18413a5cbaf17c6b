"""Each tile's pixels read once: cut into superpixels, described by features, kept in the feature store."""
