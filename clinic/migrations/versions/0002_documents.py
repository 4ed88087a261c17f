"""The printed packet of a signed exam, the token by which anybody may verify it, and its revocation."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    for column in (
        sa.Column("pdf", sa.LargeBinary(), nullable=True),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=True),
        sa.Column("verify_token", sa.String(length=32), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revocation_reason", sa.Text(), nullable=True),
    ):
        op.add_column("signed_exam", column)
    # In one statement, because SQLite adds no constraint to a column that exists, and copying the table would break
    # the rows that refer to it.
    op.execute(
        'ALTER TABLE signed_exam ADD COLUMN revoked_by_id VARCHAR(36) '
        'CONSTRAINT fk_signed_exam_revoked_by_id REFERENCES "user" (id)'
    )
    op.create_index("ix_signed_exam_verify_token", "signed_exam", ["verify_token"], unique=True)
    op.add_column("health_case", sa.Column("destination_address", sa.Text(), nullable=True))


def downgrade() -> None:
    """Go back; what was printed is lost."""
    with op.batch_alter_table("health_case") as table:
        table.drop_column("destination_address")
    with op.batch_alter_table("signed_exam") as table:
        table.drop_constraint("fk_signed_exam_revoked_by_id", type_="foreignkey")
        table.drop_index("ix_signed_exam_verify_token")
        for name in ("revocation_reason", "revoked_by_id", "revoked_at", "verify_token", "pdf_sha256", "pdf"):
            table.drop_column(name)
