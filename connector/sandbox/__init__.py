"""SAP, DMS and storefront as real local HTTP servers, for tests and the first run."""
