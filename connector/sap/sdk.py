"""The RFC library as Python has it: which one is there, what it takes, and what its errors mean.

Only what both distributions of `pyrfc` have is used; exceptions are looked up by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import Any, Literal

from connector.errors import ConnectorError, MappingFailed, Misconfigured, RetryLater
from connector.sap.errors import logon_failed, lost, of_abap
from connector.sap.port import FieldType, Parameter
from connector.wording import systems

_UNFIT = frozenset({"RFC_INVALID_PARAMETER", "RFC_CONVERSION_FAILURE", "RFC_BUFFER_TOO_SMALL"})
_DIRECTIONS: dict[str, Literal["importing", "exporting", "changing", "tables"]] = {
    "RFC_IMPORT": "importing",
    "RFC_EXPORT": "exporting",
    "RFC_CHANGING": "changing",
    "RFC_TABLES": "tables",
}
_KINDS = {
    "RFCTYPE_CHAR": "C", "RFCTYPE_NUM": "N", "RFCTYPE_DATE": "D", "RFCTYPE_TIME": "T",
    "RFCTYPE_BCD": "P", "RFCTYPE_DECF16": "P", "RFCTYPE_DECF34": "P", "RFCTYPE_INT": "I",
    "RFCTYPE_INT1": "I", "RFCTYPE_INT2": "I", "RFCTYPE_INT8": "I", "RFCTYPE_STRING": "g",
    "RFCTYPE_BYTE": "X", "RFCTYPE_XSTRING": "y", "RFCTYPE_FLOAT": "F",
    "RFCTYPE_STRUCTURE": "u", "RFCTYPE_TABLE": "h",
}  # fmt: skip


def pyrfc() -> ModuleType:
    """Return the module `pyrfc`. Raises Misconfigured when it is missing or has no SDK."""
    try:
        import pyrfc as module
    except ImportError:
        raise Misconfigured(
            "the Python module pyrfc is not installed",
            place="SAP rfc transport",
            remedy="install the extra `rfc`, or set sap.transport to soap",
        ) from None
    if not hasattr(module, "Connection"):
        raise _no_sdk("pyrfc was built for another SDK")
    return module


def _no_sdk(said: str) -> Misconfigured:
    return Misconfigured(
        f"SAP's NW RFC SDK cannot be loaded: {said}",
        place="SAP rfc transport",
        remedy="unpack the SDK from SAP and set SAPNWRFC_HOME, or set sap.transport to soap",
    )


def named(module: ModuleType, *names: str) -> tuple[type[BaseException], ...]:
    """Return the exceptions of these names; the two distributions do not have them all."""
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


def of_opening(module: ModuleType, error: Exception) -> ConnectorError:
    """Return what an error means that was raised when a connection was opened."""
    place = "SAP logon"
    if type(error).__name__ == "SdkNotFoundError":
        return _no_sdk(str(error).splitlines()[0])
    if isinstance(error, named(module, "LogonError")):
        return logon_failed(_said(error), place)
    if isinstance(error, named(module, "CommunicationError")):
        return RetryLater(systems.UNREACHABLE_WHY(why=_said(error)), place=place)
    if isinstance(error, (*named(module, "RFCError"), TypeError, ValueError)):
        return Misconfigured(
            f"cannot connect: {_said(error)}", place=place, remedy="check sap.connection"
        )
    return RetryLater(systems.UNFORESEEN(error=type(error).__name__), place=place)


def of_call(module: ModuleType, error: Exception, place: str) -> ConnectorError:
    """Return what an error means that was raised by a call, or when its link was opened anew."""
    key = str(getattr(error, "key", "") or "")
    if isinstance(error, named(module, "LogonError")):
        return logon_failed(_said(error), place)
    if key == "RFC_CANCELED" or isinstance(error, named(module, "CommunicationError")):
        return lost(key or type(error).__name__, place)
    if isinstance(error, named(module, "ExternalAuthorizationError")):
        return of_abap("RFC_NO_AUTHORITY", [_said(error)], place)
    if isinstance(error, named(module, "ABAPApplicationError", "ABAPRuntimeError")):
        return of_abap(key, [_said(error)], place, _message_of(error))
    unfit: tuple[type[BaseException], ...] = (
        TypeError,
        ValueError,
        *named(module, "RFCTypeError"),
    )
    if isinstance(error, unfit) or key in _UNFIT:
        # Raised before anything is sent: the parameters do not fit the interface.
        return MappingFailed(place, [_said(error)])
    return lost(type(error).__name__, place)


def _message_of(error: Exception) -> str:
    """Return the class and number of the message that was raised, if any."""
    identity = str(getattr(error, "msg_class", "") or "").strip()
    number = str(getattr(error, "msg_number", "") or "").strip()
    return f"{identity}/{number.zfill(3)}" if identity and number else ""


def _said(error: Exception) -> str:
    said = str(getattr(error, "message", "") or (error.args[0] if error.args else "") or error)
    return said.splitlines()[0][:200] if said else type(error).__name__


def for_sdk(value: Any) -> Any:
    """Return a value in the types that the library takes."""
    if isinstance(value, Mapping):
        return {str(key): for_sdk(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [for_sdk(each) for each in value]
    if isinstance(value, bool):
        return "X" if value else ""
    if isinstance(value, date):
        return f"{value:%Y%m%d}"
    if isinstance(value, str | int | Decimal | bytes):
        return value
    return str(value)


def parameter_of(described: Mapping[str, Any]) -> Parameter:
    """Return a parameter of a function module as the library describes it."""
    structure = described.get("type_description")
    name = str(described["name"])
    return Parameter(
        name=name,
        direction=_DIRECTIONS[_word(described["direction"])],
        optional=bool(described.get("optional")),
        type=None if structure is not None else _field(described),
        fields=_fields(structure),
        rows=_word(described.get("parameter_type")) == "RFCTYPE_TABLE",
    )


def _fields(structure: Any) -> dict[str, FieldType]:
    fields = [] if structure is None else structure.fields
    # The rows of a table without a structure have one part, and no name for it.
    return {str(each["name"]): _field(each) for each in fields if each["name"]}


def _field(described: Mapping[str, Any]) -> FieldType:
    kind = _KINDS.get(_word(described.get("parameter_type", described.get("field_type"))), "?")
    parts = described.get("type_description") is not None
    length = 0 if parts else int(described.get("nuc_length") or 0)
    return FieldType(
        name=str(described["name"]),
        kind=kind,
        # A packed number has two digits a byte, and its sign in half of the last one.
        length=2 * length - 1 if kind == "P" and length else length,
        decimals=int(described.get("decimals") or 0),
        fields=_fields(described.get("type_description")),
    )


def _word(value: Any) -> str:
    """Return the name of what one distribution gives as text and the other as an enumeration."""
    return str(getattr(value, "name", value))
