"""Photos, consents, and identity confirmed at the stations."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "photo",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_by_id", sa.String(length=36), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_photo_case_id")),
        sa.ForeignKeyConstraint(["taken_by_id"], ["user.id"], name=op.f("fk_photo_taken_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo")),
    )
    op.create_index(op.f("ix_photo_case_id"), "photo", ["case_id"])
    open_photo = sa.text("replaced_at is null")
    op.create_index("ix_photo_current", "photo", ["case_id"], unique=True, sqlite_where=open_photo,
                    postgresql_where=open_photo)
    op.create_table(
        "consent",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("text_language", sa.String(length=12), nullable=False),
        sa.Column("text_version", sa.String(length=20), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("spoken_language", sa.String(length=12), nullable=False),
        sa.Column("signer", sa.String(length=40), nullable=False),
        sa.Column("signer_name", sa.String(length=160), nullable=True),
        sa.Column("signer_relation", sa.String(length=80), nullable=True),
        sa.Column("by_mark", sa.Boolean(), nullable=False),
        sa.Column("witness_name", sa.String(length=160), nullable=True),
        sa.Column("interpreter_name", sa.String(length=160), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.String(length=36), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.String(length=36), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_consent_case_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["user.id"], name=op.f("fk_consent_ended_by_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["user.id"], name=op.f("fk_consent_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_case_id"), "consent", ["case_id"])
    open_consent = sa.text("ended_at is null")
    op.create_index("ix_consent_current", "consent", ["case_id"], unique=True, sqlite_where=open_consent,
                    postgresql_where=open_consent)
    op.create_table(
        "identity_check",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("station", sa.String(length=20), nullable=False),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=True),
        sa.Column("document_id", sa.String(length=36), nullable=True),
        sa.Column("document_end", sa.String(length=4), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["health_case.id"], name=op.f("fk_identity_check_case_id")),
        sa.ForeignKeyConstraint(["checked_by_id"], ["user.id"], name=op.f("fk_identity_check_checked_by_id")),
        sa.ForeignKeyConstraint(["document_id"], ["identity_document.id"],
                                name=op.f("fk_identity_check_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_check")),
    )
    op.create_index("ix_identity_check_day", "identity_check", ["case_id", "station", "checked_on"])


def downgrade() -> None:
    """Go back; what was recorded in these tables is lost, photos stay in the store."""
    for table in ("identity_check", "consent", "photo"):
        op.drop_table(table)
