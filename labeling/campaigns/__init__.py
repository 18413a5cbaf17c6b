"""Campaigns against one class of errors: found everywhere, decided once, retrained, searched again, measured."""
