"""Partner laboratories, what their words mean here, and by which way a message of theirs came."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "laboratory",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("application", sa.String(length=60), nullable=False),
        sa.Column("facility", sa.String(length=60), nullable=False),
        sa.Column("our_facility", sa.String(length=60), nullable=False),
        sa.Column("endpoint", sa.String(length=300), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("plain_allowed", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.Column("charset", sa.String(length=20), nullable=False),
        sa.Column("folder", sa.String(length=40), nullable=False),
        sa.Column("column_map", sa.Text(), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=True),
        sa.Column("token_made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_laboratory_site_id_site")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_laboratory_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_laboratory")),
        sa.UniqueConstraint(
            "application", "facility", "our_facility", name=op.f("uq_laboratory_application_facility_our_facility")
        ),
        sa.UniqueConstraint("token_digest", name=op.f("uq_laboratory_token_digest")),
    )
    with op.batch_alter_table("laboratory", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_laboratory_site_id"), ["site_id"], unique=False)
    op.create_table(
        "code_mapping",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("laboratory_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("test", sa.String(length=40), nullable=False),
        sa.Column("system", sa.String(length=60), nullable=False),
        sa.Column("code", sa.String(length=120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("ours", sa.String(length=60), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["laboratory_id"], ["laboratory.id"], name=op.f("fk_code_mapping_laboratory_id_laboratory")
        ),
        sa.ForeignKeyConstraint(["changed_by_id"], ["user.id"], name=op.f("fk_code_mapping_changed_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_mapping")),
        sa.UniqueConstraint(
            "laboratory_id", "kind", "test", "system", "code",
            name=op.f("uq_code_mapping_laboratory_id_kind_test_system_code"),
        ),
    )  # fmt: skip
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("way", sa.String(length=40), nullable=False, server_default="mllp"))
        batch_op.add_column(sa.Column("laboratory_id", sa.String(length=36), nullable=True))
        batch_op.create_index(batch_op.f("ix_inbound_message_laboratory_id"), ["laboratory_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_inbound_message_laboratory_id_laboratory"), "laboratory", ["laboratory_id"], ["id"]
        )
