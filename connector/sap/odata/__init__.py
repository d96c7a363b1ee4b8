"""SAP S/4HANA over OData V2: entities read, created and changed over HTTP, no SDK needed."""
