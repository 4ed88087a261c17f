"""Dated tasks in a role's or person's list."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

OPEN = sa.text("closed_at is null")
CLIMBING = sa.text("closed_at is null and escalates_at is not null")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "task",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("subject_id", sa.String(length=80), nullable=True),
        sa.Column("case_id", sa.String(length=36), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("assignee_id", sa.String(length=36), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("first_due_on", sa.Date(), nullable=False),
        sa.Column("postponed", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("escalated_role", sa.String(length=40), nullable=True),
        sa.Column("escalates_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_id", sa.String(length=36), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.String(length=36), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_task_site_id_site")),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_task_case_id_health_case")),
        sa.ForeignKeyConstraint(["assignee_id"], ["user.id"], name=op.f("fk_task_assignee_id_user")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["user.id"], name=op.f("fk_task_opened_by_id_user")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["user.id"], name=op.f("fk_task_closed_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("key", name=op.f("uq_task_key")),
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        for name, columns, where in (
            ("ix_task_open", ["site_id", "due_on", "id"], OPEN),
            ("ix_task_role", ["site_id", "role", "due_on", "id"], OPEN),
            ("ix_task_assignee", ["assignee_id", "due_on", "id"], OPEN),
            ("ix_task_of_kind", ["kind", "id"], OPEN),
            ("ix_task_climbing", ["escalates_at", "id"], CLIMBING),
        ):
            batch_op.create_index(name, columns, unique=False, sqlite_where=where, postgresql_where=where)
        batch_op.create_index(batch_op.f("ix_task_case_id"), ["case_id"], unique=False)
