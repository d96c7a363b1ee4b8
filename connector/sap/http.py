"""How SAP is reached over HTTP, by both transports: the connection, and what it raises."""

from __future__ import annotations

import requests

from connector.bounded import AnswerTooLarge
from connector.departure import certificate_refused, not_connected
from connector.errors import ConnectorError, Misconfigured, RetryLater, without_effect
from connector.sap.errors import lost
from connector.wording import systems


def of_exception(error: Exception, place: str) -> ConnectorError:
    """Type what `requests` raised: only a connection that never came about proves absence."""
    if certificate_refused(error):
        return without_effect(
            Misconfigured(
                "the certificate of SAP is not accepted", place=place, remedy="set sap.ca_file"
            )
        )
    if not_connected(error):
        return RetryLater(systems.UNREACHABLE(), place=place)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return without_effect(
            Misconfigured("is no address", place="sap.url", remedy="give its https address")
        )
    if not isinstance(error, requests.RequestException) and "invalid path" in str(error):
        # requests says so of a certificate that is not where the settings say, before it connects.
        return without_effect(
            Misconfigured(
                str(error)[:200],
                place="sap.client_certificate or sap.ca_file",
                remedy="name files that are there and may be read",
            )
        )
    too_large = isinstance(error, AnswerTooLarge)
    return lost(str(error) if too_large else type(error).__name__, place)
