"""Delivers files to an S3-compatible store (extra `s3`). Putting an object is whole or absent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from connector.deadline import in_time
from connector.departure import last_look, looks
from connector.errors import (
    ConnectorError,
    InDoubt,
    LogonFailed,
    Misconfigured,
    RetryLater,
    nothing_sent,
    without_effect,
)
from connector.extracts.deliver import Item, Parcel, Sending, file_sendings
from connector.wording import systems

_HASH = "sha256"
# What S3 itself says when it has not put an object. The numbers are said by whatever answers
# without S3's words, which a proxy may do after the object was put.
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_REFUSED = frozenset({"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_BUSY = frozenset({"SlowDown", "ServiceUnavailable", "RequestTimeTooSkewed", "503", "429"})


@dataclass(frozen=True)
class S3Target:
    """A bucket. `endpoint` is empty for AWS itself.

    `timeout` bounds each answer, and `call_deadline` all that one file takes, in seconds.
    """

    name: str
    kinds: frozenset[str]
    endpoint: str
    region: str
    bucket: str
    prefix: str
    access_key: str
    secret_key: str
    timeout: float
    call_deadline: float

    @contextmanager
    def sendings(self, parcel: Parcel) -> Iterator[Sequence[Sending]]:
        """See `connector.extracts.deliver.Target`."""
        yield file_sendings(_Bucket(self), parcel, self.prefix)


class _Bucket:
    """The bucket as a store of files."""

    def __init__(self, target: S3Target) -> None:
        self._target = target

    def holds(self, where: str, item: Item) -> bool:
        """Whether the object there carries this content's hash."""
        client = _client(self._target)
        from botocore.exceptions import BotoCoreError, ClientError

        target = self._target
        try:
            head = in_time(
                target.call_deadline,
                lambda: client.head_object(Bucket=target.bucket, Key=where),
            )
        except ClientError as error:
            if _code(error) in _ABSENT:
                return False
            raise self._classified(error) or self._away(error) from error
        except (BotoCoreError, TimeoutError) as error:
            raise self._away(error) from error
        return str(head.get("Metadata", {}).get(_HASH)) == item.sha256

    def put(self, where: str, item: Item) -> None:
        """Put the object with its hash beside it."""
        with nothing_sent():
            content = item.content()
            client = _client(self._target)
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectTimeoutError,
            EndpointConnectionError,
        )

        target, hashed = self._target, {_HASH: item.sha256}
        last_look()
        try:
            in_time(
                target.call_deadline,
                lambda: client.put_object(
                    Bucket=target.bucket, Key=where, Body=content, Metadata=hashed
                ),
            )
        except ClientError as error:
            known = self._classified(error)
            if known is None or _code(error).isdigit():
                raise InDoubt(systems.SERVER_SAID(words=_code(error)), place=where) from error
            raise without_effect(known) from error
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            raise self._away(error) from error
        except (BotoCoreError, TimeoutError) as error:
            kept_back = getattr(error, "kwargs", {}).get("error")
            if isinstance(kept_back, RetryLater):
                raise kept_back from None
            raise InDoubt(systems.BROKE_OFF(error=type(error).__name__), place=where) from error

    def _classified(self, error: Any) -> ConnectorError | None:
        """Return the typed error of an answer; None for one that no table foresaw."""
        code, place = _code(error), f"delivery.{self._target.name}"
        if code in _REFUSED:
            return LogonFailed(f"refused: {code}", place=place, remedy="correct keys and rights")
        if code == "NoSuchBucket":
            return Misconfigured(
                f"there is no bucket {self._target.bucket}", place=place, remedy="make it"
            )
        if code in _BUSY:
            return RetryLater(systems.SERVER_SAID(words=code), place=place)
        return None

    def _away(self, error: Exception) -> RetryLater:
        return RetryLater(
            systems.UNREACHABLE_WHY(why=type(error).__name__), place=self._target.name
        )


@lru_cache(maxsize=8)
def _client(target: S3Target) -> Any:
    """Return the client of a target; threads may share it, and making one takes a second."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise Misconfigured(
            "boto3 is not installed",
            place=f"delivery.{target.name}",
            remedy="install the connector with its extra `s3`",
        ) from None
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=target.endpoint or None,
        region_name=target.region,
        aws_access_key_id=target.access_key,
        aws_secret_access_key=target.secret_key,
        config=Config(
            connect_timeout=target.timeout,
            read_timeout=target.timeout,
            # What is sent again is decided by the record of calls.
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            s3={"addressing_style": "path" if target.endpoint else "auto"},
        ),
    )
    # The pools of its connections, by scheme: there is no public way to their sockets.
    pools = client._endpoint.http_session._pool_classes_by_scheme
    for scheme, pool in tuple(pools.items()):
        kind = looks(pool.ConnectionCls)
        pools[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": kind})
    return client


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
