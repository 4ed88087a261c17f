"""Contacts of people with tuberculosis."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

STANDS = sa.text("state = 'confirmed'")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "tb_contact",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("applicant_id", sa.String(length=36), nullable=False),
        sa.Column("source_case_id", sa.String(length=36), nullable=True),
        sa.Column("source_name", sa.String(length=160), nullable=False),
        sa.Column("source_number", sa.String(length=60), nullable=False),
        sa.Column("source_type", sa.String(length=40), nullable=False),
        sa.Column("relation", sa.String(length=40), nullable=False),
        sa.Column("setting", sa.String(length=40), nullable=False),
        sa.Column("first_exposed_on", sa.Date(), nullable=True),
        sa.Column("last_exposed_on", sa.Date(), nullable=True),
        sa.Column("retest_on", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_tb_contact_site_id_site")),
        sa.ForeignKeyConstraint(["applicant_id"], ["applicant.id"], name=op.f("fk_tb_contact_applicant_id_applicant")),
        sa.ForeignKeyConstraint(["source_case_id"], ["health_case.id"],
                                name=op.f("fk_tb_contact_source_case_id_health_case")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["user.id"], name=op.f("fk_tb_contact_recorded_by_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tb_contact")),
    )
    with op.batch_alter_table("tb_contact", schema=None) as batch_op:
        batch_op.create_index("ix_tb_contact_source", ["source_case_id", "applicant_id"], unique=False)
        batch_op.create_index("ix_tb_contact_person", ["applicant_id"], unique=False, sqlite_where=STANDS,
                              postgresql_where=STANDS)
        batch_op.create_index("ix_tb_contact_retest", ["retest_on"], unique=False, sqlite_where=STANDS,
                              postgresql_where=STANDS)
