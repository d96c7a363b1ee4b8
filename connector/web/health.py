"""/healthz: is the process alive? /readyz: could it work now?"""

from __future__ import annotations

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


def readyz(heart: Heart, database: Database) -> Answer:
    """Say whether the database answers, a role was taken and ticks come in time."""
    ready_database = answers(database)
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


def answers(database: Database) -> bool:
    """Whether the database answers a question."""
    try:
        with database.reading() as session:
            session.execute(text("SELECT 1"))
    except Exception:
        # Whatever the driver raises, it has not answered.
        return False
    return True
