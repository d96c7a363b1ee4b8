"""Mappings: text files in which IT says what goes where."""
