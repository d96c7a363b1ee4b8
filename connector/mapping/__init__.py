"""Mappings: text files in which IT says what goes where."""

from connector.mapping.engine import Applied, Mapping, MappingSet, Reading, Target
from connector.mapping.load import Finding, MappingsInvalid, load

__all__ = [
    "Applied",
    "Finding",
    "Mapping",
    "MappingSet",
    "MappingsInvalid",
    "Reading",
    "Target",
    "load",
]
