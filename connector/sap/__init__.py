"""The SAP gateway: one small port, its transports, and what is asked of SAP."""
