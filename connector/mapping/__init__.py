"""Mappings: text files in which IT says what goes where."""

from connector.mapping.engine import Applied, Broken, Mapping, MappingSet, Reading, Target
from connector.mapping.load import Finding, MappingsInvalid, load

__all__ = [
    "Applied",
    "Broken",
    "Finding",
    "Mapping",
    "MappingSet",
    "MappingsInvalid",
    "Reading",
    "Target",
    "load",
]
