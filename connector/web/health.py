"""/healthz: is the process alive? /readyz: could it work now?"""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import text

from connector.store.database import Database
from connector.web.answers import Answer, as_json
from connector.web.heart import Heart


def healthz(heart: Heart) -> Answer:
    """Say whether ticks come. 503 means that a restart would help; other systems play no part."""
    alive = heart.beats()
    return as_json(
        200 if alive else 503,
        {"alive": alive, "last_tick": heart.ticked.isoformat() if heart.ticked else None},
    )


def readyz(heart: Heart, answers: Callable[[], bool]) -> Answer:
    """Say whether the database answers, a role was taken and ticks come in time."""
    ready_database = answers()
    ready = ready_database and heart.ready()
    role = {None: "starting", True: "leader", False: "standby"}[heart.leading]
    return as_json(
        200 if ready else 503,
        {
            "ready": ready,
            "database": "answers" if ready_database else "does not answer",
            "role": role,
            "last_tick": heart.ticked.isoformat() if heart.ticked else None,
            "silent_seconds": round(heart.silent_for.total_seconds(), 1),
        },
    )


class Probe:
    """Asks whether the database answers, in a thread of its own, and waits less than a second.

    A question that is still awaited is not asked once more.
    """

    _PATIENCE = 0.9

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._asked: threading.Thread | None = None
        self._answered = False

    def __call__(self) -> bool:
        """Whether it answers."""
        with self._lock:
            if self._asked is None or not self._asked.is_alive():
                self._answered = False
                self._asked = threading.Thread(target=self._ask, name="probe", daemon=True)
                self._asked.start()
            asked = self._asked
        asked.join(self._PATIENCE)
        return not asked.is_alive() and self._answered

    def _ask(self) -> None:
        try:
            with self._database.reading() as session:
                session.execute(text("SELECT 1"))
        except Exception:
            # Whatever the driver raises, it has not answered.
            return
        self._answered = True
