"""Connector between a storefront, SAP and a dealer management system (DMS)."""

__version__ = "0.1.0"
