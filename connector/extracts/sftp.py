"""Delivers files over SFTP: written as `.part`, then renamed, so that no reader sees a half."""

from __future__ import annotations

import hashlib
import io
import secrets
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from connector.deadline import WATCHDOG
from connector.departure import last_look
from connector.errors import (
    InDoubt,
    LogonFailed,
    Misconfigured,
    RetryLater,
    nothing_sent,
    without_effect,
)
from connector.extracts.deliver import Item, Parcel, Sending, file_sendings
from connector.extracts.handed_in import MOST_BYTES
from connector.extracts.inbox import DONE, IN, REFUSED, Inbox, Incoming, is_workbook
from connector.wording import systems

if TYPE_CHECKING:
    import paramiko


_LARGEST = 1_000_000_000


@dataclass(frozen=True)
class SftpTarget:
    """An SFTP server, known by its host key.

    `host_key` is a line as `known_hosts` has it behind the name: `ssh-ed25519 AAAA…`. Without a
    `key_file` the password logs on. `timeout` bounds each answer, and `call_deadline` all that one
    file takes, in seconds.
    """

    name: str
    kinds: frozenset[str]
    host: str
    port: int
    user: str
    password: str
    key_file: Path | None
    host_key: str
    root: str
    timeout: float
    call_deadline: float

    @contextmanager
    def sendings(self, parcel: Parcel) -> Iterator[Sequence[Sending]]:
        """See `connector.extracts.deliver.Target`."""
        link = _Link(self)
        try:
            yield file_sendings(link, parcel, self.root)
        finally:
            link.close()

    @contextmanager
    def inbox(self, kind: str) -> Iterator[Inbox]:
        """See `connector.extracts.inbox.Returning`."""
        link = _Link(self)
        try:
            yield _Inbox(link, str(PurePosixPath(self.root) / kind))
        finally:
            link.close()


class _Link:
    """One connection, made when it is first needed."""

    def __init__(self, target: SftpTarget) -> None:
        self._target = target
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Let go of the connection."""
        if self._transport is not None:
            self._transport.close()
        self._transport = self._client = None

    def holds(self, where: str, item: Item) -> bool:
        """Whether exactly this content lies there."""
        with self._in_time():
            return self._holds(where, item)

    def put(self, where: str, item: Item) -> None:
        """Upload aside, then rename over what may lie there."""
        with self._in_time():
            self._put(where, item)

    def _in_time(self) -> AbstractContextManager[None]:
        return WATCHDOG.within(self._target.call_deadline, self._break_off)

    def _break_off(self) -> None:
        link = self._socket
        if link is not None:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _holds(self, where: str, item: Item) -> bool:
        client = self._open()
        digest = hashlib.sha256()
        try:
            with client.open(where, "rb") as file:
                size = file.stat().st_size or 0
                if size > _LARGEST:
                    return False  # we sent no such file, and need not read it to know
                file.prefetch(size)
                while block := file.read(1 << 20):
                    digest.update(block)
        except FileNotFoundError:
            return False
        except Exception as error:
            raise self._lost(error, where) from error
        return digest.hexdigest() == item.sha256

    def _put(self, where: str, item: Item) -> None:
        with nothing_sent():
            content = item.content()
            client = self._open()
        path = PurePosixPath(where)
        aside = str(path.with_name(f".{path.name}.{secrets.token_hex(4)}.part"))
        try:
            self._make_folder(client, path.parent)
            self._sweep(client, path)
            client.putfo(io.BytesIO(content), aside, file_size=len(content), confirm=True)
        except PermissionError:
            raise without_effect(
                Misconfigured(
                    f"{self._target.user} may not write {path.parent}",
                    place=f"delivery.{self._target.name}",
                    remedy="correct the root, or the rights on the server",
                )
            ) from None
        except Exception as error:
            # Nothing lies under the file's own name yet.
            raise self._lost(error, where) from error
        last_look(self._transport.sock if self._transport else None)
        try:
            self._rename(client, aside, where)
        except Exception as error:
            self.close()
            raise InDoubt(
                systems.WHILE_RENAMING(error=type(error).__name__), place=where
            ) from error

    def incoming(self, root: str) -> list[Incoming]:
        """Return the workbooks in the folder `in` below a root; its folders are made first."""
        client = self._open()
        try:
            for each in (IN, DONE, REFUSED):
                self._make_folder(client, PurePosixPath(root) / each)
            found = client.listdir_attr(f"{root}/{IN}")
        except Exception as error:
            raise self._lost(error, root) from error
        return [
            Incoming(each.filename, datetime.fromtimestamp(each.st_mtime or 0, UTC))
            for each in sorted(found, key=lambda each: each.filename)
            if is_workbook(each.filename) and stat.S_ISREG(each.st_mode or 0)
        ]

    def read(self, where: str, most: int) -> bytes:
        """Return the bytes of a file, no more than `most`."""
        client = self._open()
        try:
            with client.open(where, "rb") as file:
                return file.read(most)
        except Exception as error:
            raise self._lost(error, where) from error

    def write(self, where: str, content: bytes) -> None:
        """Write a small file of ours aside, and rename it over what may lie there."""
        client = self._open()
        try:
            client.putfo(io.BytesIO(content), f"{where}.part", file_size=len(content))
            self._rename(client, f"{where}.part", where)
        except Exception as error:
            raise self._lost(error, where) from error

    def move(self, where: str, to: str) -> None:
        """Rename a file over what may lie there."""
        client = self._open()
        try:
            self._rename(client, where, to)
        except Exception as error:
            raise self._lost(error, where) from error

    def _rename(self, client: paramiko.SFTPClient, aside: str, where: str) -> None:
        try:
            client.posix_rename(aside, where)
        except OSError as error:
            channel = client.get_channel()
            if error.errno is not None or channel is None or channel.closed:
                raise
            # A server without the extension renames onto no file that is there.
            with suppress(FileNotFoundError):
                client.remove(where)
            client.rename(aside, where)

    def _make_folder(self, client: paramiko.SFTPClient, folder: PurePosixPath) -> None:
        for each in (*reversed(folder.parents), folder):
            try:
                found = client.stat(str(each))
            except FileNotFoundError:
                client.mkdir(str(each))
                continue
            if found.st_mode is not None and not stat.S_ISDIR(found.st_mode):
                raise NotADirectoryError(str(each))

    def _sweep(self, client: paramiko.SFTPClient, path: PurePosixPath) -> None:
        """Remove what an attempt that broke off left behind."""
        for name in client.listdir(str(path.parent)):
            if name.startswith(f".{path.name}.") and name.endswith(".part"):
                client.remove(str(path.parent / name))

    def _lost(self, error: Exception, where: str) -> RetryLater:
        self.close()
        return RetryLater(
            systems.BROKE_OFF(error=type(error).__name__), place=f"{self._target.name} {where}"
        )

    def _open(self) -> paramiko.SFTPClient:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> paramiko.SFTPClient:
        import paramiko

        target = self._target
        place = f"delivery.{target.name}"
        try:
            patience = min(target.timeout, target.call_deadline)
            link = socket.create_connection((target.host, target.port), timeout=patience)
        except OSError as error:
            raise RetryLater(
                systems.UNREACHABLE_WHY(why=type(error).__name__),
                place=f"{target.host}:{target.port}",
            ) from error
        self._socket = link
        transport = self._transport = paramiko.Transport(link)
        transport.banner_timeout = transport.auth_timeout = target.timeout
        wanted = _host_key(target.host_key, place)
        transport.get_security_options().key_types = _types_for(wanted.get_name())
        try:
            transport.start_client(timeout=target.timeout)
            shown = transport.get_remote_server_key()
            if (shown.get_name(), shown.asbytes()) != (wanted.get_name(), wanted.asbytes()):
                raise Misconfigured(
                    "the server shows another host key than the settings name",
                    place=f"{place}.host_key",
                    remedy="make sure that it is the right server, then correct the key",
                )
            if target.key_file is not None:
                transport.auth_publickey(target.user, _private_key(target.key_file, place))
            else:
                transport.auth_password(target.user, target.password)
            client = paramiko.SFTPClient.from_transport(transport)
        except Misconfigured:
            self.close()
            raise
        except paramiko.AuthenticationException:
            self.close()
            raise LogonFailed(
                f"{target.user} is refused", place=place, remedy="correct user and password or key"
            ) from None
        except Exception as error:
            self.close()
            raise RetryLater(
                systems.NO_SFTP_WHY(error=type(error).__name__), place=place
            ) from error
        if client is None:
            raise RetryLater(systems.NO_SFTP(), place=place)
        channel = client.get_channel()
        if channel is not None:
            channel.settimeout(target.timeout)
        return client


@dataclass(frozen=True)
class _Inbox:
    link: _Link
    root: str

    def incoming(self) -> list[Incoming]:
        return self.link.incoming(self.root)

    def read(self, name: str) -> bytes:
        return self.link.read(f"{self.root}/{IN}/{name}", MOST_BYTES + 1)

    def answer(self, folder: str, name: str, content: bytes) -> None:
        self.link.write(f"{self.root}/{folder}/{name}", content)

    def move(self, name: str, folder: str, moved: str) -> None:
        self.link.move(f"{self.root}/{IN}/{name}", f"{self.root}/{folder}/{moved}")


def _types_for(name: str) -> tuple[str, ...]:
    """Return the algorithms that prove a key: an RSA key signs with SHA-2."""
    return ("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,)


def _host_key(text: str, place: str) -> paramiko.PKey:
    import base64

    import paramiko

    try:
        kind, body = text.split()[:2]
        return paramiko.PKey.from_type_string(kind, base64.b64decode(body))
    except Exception:
        raise Misconfigured(
            "is no host key",
            place=f"{place}.host_key",
            remedy="give type and key as ssh-keyscan prints them, for example ssh-ed25519 AAAA…",
        ) from None


def _private_key(path: Path, place: str) -> paramiko.PKey:
    import paramiko

    try:
        return paramiko.PKey.from_path(path)
    except Exception as error:
        raise Misconfigured(
            f"the private key cannot be read: {type(error).__name__}",
            place=f"{place}.key_file",
            remedy="name a readable OpenSSH private key without a passphrase",
        ) from None
