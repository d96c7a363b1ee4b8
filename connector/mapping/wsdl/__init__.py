"""WSDLs: read with all that they import, parsed once, and described for checks and for calls."""
