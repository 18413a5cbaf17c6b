"""How dates are written, where Django's own choice would not do (FORMAT_MODULE_PATH)."""
