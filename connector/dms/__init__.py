"""The DMS gateway: SOAP by WSDL and mapping."""
