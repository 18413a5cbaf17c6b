"""Fitting classifiers, keeping them in files without pickle, and measuring them on held-out places.

Arrays in, arrays out. scikit-learn, XGBoost and skops are loaded when they are needed, not on import.
"""
