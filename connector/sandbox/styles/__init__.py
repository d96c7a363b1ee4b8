"""Other ways in which a DMS is reached: the sandbox's books behind the interfaces of vendors.

`connector sandbox --dms NAME` serves one; `mappings/examples/NAME` reaches it.
"""

from __future__ import annotations

from connector.sandbox.dms import DmsApplication
from connector.sandbox.styles.axis import AxisDms
from connector.sandbox.styles.document import DocumentDms
from connector.sandbox.styles.login import LoginDms
from connector.sandbox.styles.text import JsonDms, XmlDms

STYLES: dict[str, type[DmsApplication]] = {
    "sandbox": DmsApplication,
    "document": DocumentDms,
    "login": LoginDms,
    "xml": XmlDms,
    "json": JsonDms,
    "axis": AxisDms,
}
