"""What somebody must do by a day: in one role's or person's list, escalating, closed only with an outcome."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import key, moment
from clinic.models.user import User

OPEN_TASK = "closed_at is null"  # the WHERE of the partial indexes; a query must repeat it word for word
CLIMBING = "closed_at is null and escalates_at is not null"


class Task(Base):
    """One dated task; `key` names what it is about, so that the same is never asked for twice. Rows are kept."""

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_open", "site_id", "due_on", "id", sqlite_where=text(OPEN_TASK),
              postgresql_where=text(OPEN_TASK)),
        Index("ix_task_role", "site_id", "role", "due_on", "id", sqlite_where=text(OPEN_TASK),
              postgresql_where=text(OPEN_TASK)),
        Index("ix_task_assignee", "assignee_id", "due_on", "id", sqlite_where=text(OPEN_TASK),
              postgresql_where=text(OPEN_TASK)),
        Index("ix_task_of_kind", "kind", "id", sqlite_where=text(OPEN_TASK), postgresql_where=text(OPEN_TASK)),
        Index("ix_task_climbing", "escalates_at", "id", sqlite_where=text(CLIMBING),
              postgresql_where=text(CLIMBING)),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    kind: Mapped[str] = mapped_column(String(40))  # of clinic/programmes/reference/task.toml
    key: Mapped[str] = mapped_column(String(160), unique=True)  # the kind and what it is about
    subject_id: Mapped[str | None] = mapped_column(String(80))  # the row it is about, by which it is settled
    case_id: Mapped[str | None] = mapped_column(ForeignKey("health_case.id"), index=True)
    detail: Mapped[str] = mapped_column(Text, default="")  # the variable part of its sentence; never a name
    role: Mapped[str] = mapped_column(String(40))  # whose list it is in
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # one person of them, when given
    due_on: Mapped[date]  # the calendar day at the site
    first_due_on: Mapped[date]  # before anybody postponed it
    postponed: Mapped[int] = mapped_column(default=0)  # how often
    level: Mapped[int] = mapped_column(default=0)  # steps of escalation taken
    escalated_role: Mapped[str | None] = mapped_column(String(40))  # who sees it besides, since it is late
    escalates_at: Mapped[datetime | None] = moment()  # the next step; none when there is no more
    opened_at: Mapped[datetime] = moment()
    opened_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # nobody: the clock
    closed_at: Mapped[datetime | None] = moment()
    closed_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # nobody: what was awaited came
    outcome: Mapped[str | None] = mapped_column(String(40))  # one of its kind's outcomes
    remark: Mapped[str] = mapped_column(Text, default="")

    case: Mapped[Case | None] = relationship()
    assignee: Mapped[User | None] = relationship(foreign_keys=[assignee_id])
