"""What passes by itself in SAP: locks, shortages, and a logon that is refused to everybody.

This is data, found in SAP's own messages. A lock is looked at again with growing intervals; so is a
system that admits nobody. Whatever does not stand here is a refusal, or in doubt.
"""

from __future__ import annotations

import re

# Message class and number → what somebody else is working on at that moment.
_LOCKS = {
    "F2/042": "the customer",
    "F5/349": "the account",
    "M3/024": "the material's valuation",
    "MC/601": "the object",
    "ME/006": "the purchasing document",
    "R1/028": "the business partner",
    "R1/412": "the business partner",
    "V1/042": "the sales document",
    "VL/046": "the delivery",
    "VP/119": "the object",
    "C_/330": "the object",
}
# Message classes that say so under several numbers: there the words tell.
_LOCKS_IN_WORDS = frozenset({"CVIX"})
_LOCKED_BY = re.compile(
    r"\b(locked|being (processed|edited|changed|maintained))\b"
    r"|gesperrt|in bearbeitung|bearbeitet|锁定|正在?(被|由)?.*(处理|编辑|维护)",
    re.I,
)
# Exceptions that function modules raise for a lock.
_LOCK_KEYS = frozenset({"FOREIGN_LOCK"})
# SAP is there and answered so: the next call may well succeed.
_BUSY_KEYS = frozenset({"TIME_OUT", "SYSTEM_CANCELED"})
# SAP lacks memory or its database: what fails next may be anything.
_SHORTAGE_KEYS = frozenset(
    {
        "TSV_TNEW_PAGE_ALLOC_FAILED",
        "STORAGE_PARAMETERS_WRONG_SET",
        "SYSTEM_NO_TASK_STORAGE",
        "SYSTEM_NO_ROLL",
        "DBIF_RSQL_SQL_ERROR",
        "DBSQL_SQL_ERROR",
    }
)
# A message as the RFC library puts it into its words.
_RAISED = re.compile(r"\bID:\s*(\S{1,20})\s+Type:\s*[AEX]\s+Number:\s*(\d{1,3})\b")
# A logon that is refused to everybody for a while, whoever asks. Each is tried before the words
# by which a user or a password is refused, since these speak of locks and clients too.
_LOGONS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"shut(ting)? ?down|being (stopped|started)|heruntergefahren|系统.*(关闭|停机|启动)",
        r"upgrade (is )?(still )?running|upgrade läuft|upgrade noch|正在升级|升级.*(运行|进行)",
        r"locksys|locked by tp\b|\btp lock",
        r"too many (\w+ )?(sessions|logons|users|connections)",
        r"zu viele (sitzungen|anmeldungen|modi)",
        r"(会话|登录|连接)数?.*(过多|太多|超过)|max(imum|\.)? number of (sessions|users|logons)",
        r"licen[cs]e check|lizenzprüfung|许可证?检查",
        r"server does not allow .*logon|logon .*currently not",
    )
)


def locked(code: str, text: str) -> bool:
    """Whether a message (class/number) says that somebody else is working on the object."""
    if code in _LOCKS:
        return True
    return code.partition("/")[0] in _LOCKS_IN_WORDS and _LOCKED_BY.search(text) is not None


def raised_in(words: str) -> str:
    """Return the code (class/number) of a message that was raised, as words tell; else nothing."""
    found = _RAISED.search(words)
    return f"{found.group(1)}/{found.group(2).zfill(3)}" if found else ""


def passes(key: str) -> bool:
    """Whether an ABAP exception or runtime error is of a state that passes."""
    return key in _LOCK_KEYS or key in _BUSY_KEYS or key in _SHORTAGE_KEYS


def is_there(key: str) -> bool:
    """Whether SAP itself is well where an exception that passes is raised."""
    return key not in _SHORTAGE_KEYS


def admits_nobody(said: str) -> bool:
    """Whether a refused logon is refused to everybody for a while, and no fault of the user."""
    return any(pattern.search(said) for pattern in _LOGONS)
