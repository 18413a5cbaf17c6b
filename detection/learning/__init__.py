"""Fitting classifiers, keeping them in files without pickle, and measuring them on places never seen.

Arrays in, arrays out. scikit-learn, XGBoost and skops are loaded when they are needed, not on import.
"""
