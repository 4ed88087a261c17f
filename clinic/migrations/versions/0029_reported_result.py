"""What laboratories reported, and what became of it; printed reports of theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "reported_result",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("laboratory_id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placer", sa.String(length=80), nullable=False),
        sa.Column("filler", sa.String(length=80), nullable=False),
        sa.Column("test", sa.String(length=40), nullable=False),
        sa.Column("their_code", sa.String(length=120), nullable=False),
        sa.Column("sub_id", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=4), nullable=False),
        sa.Column("said_at", sa.String(length=40), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=True),
        sa.Column("specimen_id", sa.String(length=36), nullable=True),
        sa.Column("result_id", sa.String(length=36), nullable=True),
        sa.Column("parent_inferred", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.String(length=36), nullable=True),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_reported_result_site_id_site")),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_reported_result_laboratory_id_laboratory")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name=op.f("fk_reported_result_message_id_inbound_message")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_reported_result_case_id_health_case")),
        sa.ForeignKeyConstraint(["specimen_id"], ["specimen.id"], name=op.f("fk_reported_result_specimen_id_specimen")),
        sa.ForeignKeyConstraint(["result_id"], ["lab_result.id"], name=op.f("fk_reported_result_result_id_lab_result")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["user.id"], name=op.f("fk_reported_result_decided_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reported_result")),
    )
    with op.batch_alter_table("reported_result", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reported_result_message_id"), ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reported_result_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reported_result_result_id"), ["result_id"], unique=False)
        batch_op.create_index("ix_reported_result_series", ["laboratory_id", "filler", "test", "sub_id"], unique=False)
        batch_op.create_index("ix_reported_result_inbox", ["site_id", "state", "id"], unique=False)
    op.create_table(
        "lab_document",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("laboratory_id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placer", sa.String(length=80), nullable=False),
        sa.Column("filler", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=True),
        sa.Column("order_id", sa.String(length=36), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_lab_document_site_id_site")),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_lab_document_laboratory_id_laboratory")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name=op.f("fk_lab_document_message_id_inbound_message")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_lab_document_case_id_health_case")),
        sa.ForeignKeyConstraint(["order_id"], ["lab_order.id"], name=op.f("fk_lab_document_order_id_lab_order")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["user.id"], name=op.f("fk_lab_document_decided_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_document")),
    )
    with op.batch_alter_table("lab_document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lab_document_message_id"), ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_lab_document_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_lab_document_inbox", ["site_id", "case_id", "id"], unique=False)
