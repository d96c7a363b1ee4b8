"""An SFTP server over a folder, with faults: what a partner's server does on a bad day."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paramiko
from paramiko import common, sftp

USER, PASSWORD = "finance", "sandbox-sftp"


class Server:
    """The server; `renamed` and `written` count what was done, the faults are for one use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = paramiko.RSAKey.generate(2048)
        self.renamed: list[str] = []
        self.logons = 0
        self.passwords: list[str] = []
        self.lose_answer_of_rename = False
        self.break_writing: str | None = None
        self.posix = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host_key(self) -> str:
        return f"{self.key.get_name()} {self.key.get_base64()}"

    def cut(self) -> None:
        for transport in self._transports:
            transport.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(link)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, server_=self)
            self._transports.append(transport)
            with suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(server=_Door(self))


class _Door(paramiko.ServerInterface):
    def __init__(self, server: Server) -> None:
        self._server = server

    def check_auth_password(self, username: str, password: str) -> int:
        self._server.passwords.append(password)
        if (username, password) != (USER, PASSWORD):
            return common.AUTH_FAILED
        self._server.logons += 1
        return common.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return common.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class _Handle(paramiko.SFTPHandle):
    readfile: Any
    writefile: Any

    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, server: Any, *args: Any, server_: Server, **kwargs: Any) -> None:
        super().__init__(server, *args, **kwargs)
        self._server = server_

    def _path(self, path: str) -> Path:
        return self._server.folder / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        return [
            paramiko.SFTPAttributes.from_stat(each.stat(), each.name)
            for each in self._path(path).iterdir()
        ]

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        writing = bool(flags & os.O_WRONLY or flags & os.O_RDWR)
        if writing and self._server.break_writing and self._server.break_writing in path:
            self._server.break_writing = None
            self._path(path).write_bytes(b"half")
            self._server.cut()
            return sftp.SFTP_FAILURE
        try:
            file = self._path(path).open("w+b" if writing else "rb")
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle = _Handle(flags)
        handle.readfile = handle.writefile = file
        return handle

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._path(newpath).exists():
            return sftp.SFTP_FAILURE
        return self._rename(oldpath, newpath)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        return self._rename(oldpath, newpath) if self._server.posix else sftp.SFTP_OP_UNSUPPORTED

    def _rename(self, oldpath: str, newpath: str) -> int:
        self._path(oldpath).replace(self._path(newpath))
        self._server.renamed.append(newpath)
        if self._server.lose_answer_of_rename:
            self._server.lose_answer_of_rename = False
            self._server.cut()
        return sftp.SFTP_OK

    def remove(self, path: str) -> int:
        if not self._path(path).exists():
            return sftp.SFTP_NO_SUCH_FILE
        self._path(path).unlink()
        return sftp.SFTP_OK

    def mkdir(self, path: str, attr: Any) -> int:
        self._path(path).mkdir()
        return sftp.SFTP_OK


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Give a server over a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()
