"""Laboratory orders in referrals, hand-overs of specimens, calls, second entries, confidential results."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLES = ("counselling", "sensitive_access", "critical_call", "lab_second_entry", "specimen_event", "lab_order",
          "lab_referral")
OF_SPECIMEN = ("tube", "sent_at", "received_at", "rejected_at", "rejected_reason", "discarded_at")
LIVE = sa.text("state not in ('resulted', 'cancelled')")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "counselling",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("test", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("series_id", sa.String(length=36), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.String(length=36), nullable=False),
        sa.Column("is_agreed", sa.Boolean(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_counselling_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_counselling_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counselling")),
    )
    op.create_index(op.f("ix_counselling_case_id"), "counselling", ["case_id"])
    op.create_table(
        "lab_referral",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_lab_referral_case_id")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["user.id"], name=op.f("fk_lab_referral_opened_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_referral")),
        sa.UniqueConstraint("case_id", name=op.f("uq_lab_referral_case_id")),
        sa.UniqueConstraint("number", name=op.f("uq_lab_referral_number")),
    )
    op.create_table(
        "sensitive_access",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_sensitive_access_case_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_sensitive_access_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensitive_access")),
    )
    op.create_index(op.f("ix_sensitive_access_case_id"), "sensitive_access", ["case_id"])
    op.create_index("ix_sensitive_access_open", "sensitive_access", ["user_id", "case_id", "until_at"])
    op.create_table(
        "lab_order",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("referral_id", sa.String(length=36), nullable=False),
        sa.Column("requirement_id", sa.String(length=36), nullable=True),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("test", sa.String(length=40), nullable=False),
        sa.Column("specimen_id", sa.String(length=36), nullable=True),
        sa.Column("laboratory_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ordered_by_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaces_id", sa.String(length=36), nullable=True),
        sa.Column("cancelled_by_id", sa.String(length=36), nullable=True),
        sa.Column("cancelled_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["cancelled_by_id"], ["user.id"], name=op.f("fk_lab_order_cancelled_by_id")),
        sa.ForeignKeyConstraint(["laboratory_id"], ["laboratory.id"], name=op.f("fk_lab_order_laboratory_id")),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_lab_order_case_id")),
        sa.ForeignKeyConstraint(["ordered_by_id"], ["user.id"], name=op.f("fk_lab_order_ordered_by_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["lab_referral.id"], name=op.f("fk_lab_order_referral_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["lab_order.id"], name=op.f("fk_lab_order_replaces_id")),
        sa.ForeignKeyConstraint(["requirement_id"], ["requirement.id"], name=op.f("fk_lab_order_requirement_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_lab_order_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_order")),
        sa.UniqueConstraint("number", name=op.f("uq_lab_order_number")),
    )
    op.create_index(op.f("ix_lab_order_case_id"), "lab_order", ["case_id"])
    op.create_index("ix_lab_order_live", "lab_order", ["case_id", "test"], sqlite_where=LIVE, postgresql_where=LIVE)
    op.create_index(op.f("ix_lab_order_referral_id"), "lab_order", ["referral_id"])
    op.create_index(op.f("ix_lab_order_specimen_id"), "lab_order", ["specimen_id"])
    op.create_table(
        "specimen_event",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("specimen_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_specimen_event_by_id")),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_specimen_event_case_id")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_specimen_event_specimen_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_specimen_event")),
    )
    op.create_index(op.f("ix_specimen_event_case_id"), "specimen_event", ["case_id"])
    op.create_index(op.f("ix_specimen_event_specimen_id"), "specimen_event", ["specimen_id"])
    op.create_table(
        "critical_call",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("result_id", sa.String(length=36), nullable=False),
        sa.Column("called", sa.String(length=120), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_read_back", sa.Boolean(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_critical_call_case_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["user.id"], name=op.f("fk_critical_call_recorded_by_id")),
        sa.ForeignKeyConstraint(["result_id"], ["lab_result.id"], name=op.f("fk_critical_call_result_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_critical_call")),
    )
    op.create_index(op.f("ix_critical_call_case_id"), "critical_call", ["case_id"])
    op.create_index(op.f("ix_critical_call_result_id"), "critical_call", ["result_id"])
    op.create_table(
        "lab_second_entry",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("result_id", sa.String(length=36), nullable=False),
        sa.Column("value", sa.String(length=60), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.String(length=36), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_lab_second_entry_case_id")),
        sa.ForeignKeyConstraint(["entered_by_id"], ["user.id"], name=op.f("fk_lab_second_entry_entered_by_id")),
        sa.ForeignKeyConstraint(["result_id"], ["lab_result.id"], name=op.f("fk_lab_second_entry_result_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_second_entry")),
    )
    op.create_index(op.f("ix_lab_second_entry_case_id"), "lab_second_entry", ["case_id"])
    op.create_index(op.f("ix_lab_second_entry_result_id"), "lab_second_entry", ["result_id"])
    op.add_column("lab_result", sa.Column("order_id", sa.String(length=36), nullable=True))
    op.create_index(op.f("ix_lab_result_order_id"), "lab_result", ["order_id"])
    op.add_column("specimen", sa.Column("tube", sa.String(length=20), nullable=True))
    op.add_column("specimen", sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("specimen", sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("specimen", sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("specimen", sa.Column("rejected_reason", sa.String(length=40), nullable=True))
    op.add_column("specimen", sa.Column("discarded_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back; orders, hand-overs, calls and counselling are lost."""
    op.drop_index("ix_lab_result_order_id", "lab_result")
    op.drop_column("lab_result", "order_id")
    for column in OF_SPECIMEN:
        op.drop_column("specimen", column)
    for table in TABLES:
        op.drop_table(table)
