"""Orders on their way to laboratories."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "order_message",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("laboratory_id", sa.String(length=36), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("control_id", sa.String(length=20), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_order_message_site_id_site")),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_order_message_laboratory_id_laboratory")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["lab_order.id"], name=op.f("fk_order_message_order_id_lab_order")),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_order_message_case_id_health_case")),
        sa.UniqueConstraint("control_id", name=op.f("uq_order_message_control_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_message")),
    )
    with op.batch_alter_table("order_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_message_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_order_message_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_order_message_due", ["laboratory_id", "state", "id"], unique=False)
    op.create_table(
        "order_attempt",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["order_message.id"], name=op.f("fk_order_attempt_message_id_order_message")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_attempt")),
    )
    with op.batch_alter_table("order_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_attempt_message_id"), ["message_id"], unique=False)
