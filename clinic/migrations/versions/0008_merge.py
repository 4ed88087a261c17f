"""Records of one person merged and told apart; who is in the building today by index."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "applicant_merge",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("survivor_id", sa.String(length=36), nullable=False),
        sa.Column("loser_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by_id", sa.String(length=36), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.String(length=36), nullable=True),
        sa.Column("undo_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["loser_id"], ["applicant.id"], name=op.f("fk_applicant_merge_loser_id")),
        sa.ForeignKeyConstraint(["merged_by_id"], ["user.id"], name=op.f("fk_applicant_merge_merged_by_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_applicant_merge_site_id")),
        sa.ForeignKeyConstraint(["survivor_id"], ["applicant.id"], name=op.f("fk_applicant_merge_survivor_id")),
        sa.ForeignKeyConstraint(["undone_by_id"], ["user.id"], name=op.f("fk_applicant_merge_undone_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applicant_merge")),
    )
    op.create_index(op.f("ix_applicant_merge_loser_id"), "applicant_merge", ["loser_id"])
    op.create_index(op.f("ix_applicant_merge_survivor_id"), "applicant_merge", ["survivor_id"])
    standing = sa.text("undone_at is null")
    op.create_index("ix_applicant_merge_standing", "applicant_merge", ["loser_id"], unique=True, sqlite_where=standing,
                    postgresql_where=standing)
    op.create_table(
        "applicant_merge_row",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("merge_id", sa.String(length=36), nullable=False),
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("column_name", sa.String(length=40), nullable=False),
        sa.Column("row_id", sa.String(length=36), nullable=False),
        sa.Column("previous_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["merge_id"], ["applicant_merge.id"], name=op.f("fk_applicant_merge_row_merge_id")),
        sa.ForeignKeyConstraint(["previous_id"], ["applicant.id"], name=op.f("fk_applicant_merge_row_previous_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applicant_merge_row")),
        sa.UniqueConstraint("merge_id", "table_name", "column_name", "row_id",
                            name=op.f("uq_applicant_merge_row_merge_id_table_name_column_name_row_id")),
    )
    op.create_index(op.f("ix_applicant_merge_row_row_id"), "applicant_merge_row", ["row_id"])
    op.create_table(
        "told_apart",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("one_id", sa.String(length=36), nullable=False),
        sa.Column("other_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_by_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["one_id"], ["applicant.id"], name=op.f("fk_told_apart_one_id")),
        sa.ForeignKeyConstraint(["other_id"], ["applicant.id"], name=op.f("fk_told_apart_other_id")),
        sa.ForeignKeyConstraint(["told_by_id"], ["user.id"], name=op.f("fk_told_apart_told_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told_apart")),
    )
    op.create_index(op.f("ix_told_apart_one_id"), "told_apart", ["one_id"])
    op.create_index(op.f("ix_told_apart_other_id"), "told_apart", ["other_id"])
    _add_merged_into()
    op.create_index(op.f("ix_applicant_merged_into_id"), "applicant", ["merged_into_id"])
    op.create_index("ix_identity_check_today", "identity_check", ["checked_on", "case_id"])


def _add_merged_into() -> None:
    """One column; on SQLite as it can be added in place, for the table cannot be made anew while others point at it."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("alter table applicant add column merged_into_id varchar(36) "
                   "constraint fk_applicant_merged_into_id references applicant (id)")
    else:
        op.add_column("applicant", sa.Column("merged_into_id", sa.String(length=36), nullable=True))
        op.create_foreign_key("fk_applicant_merged_into_id", "applicant", "applicant", ["merged_into_id"], ["id"])


def downgrade() -> None:
    """Go back; which records were merged is lost, what they held stays with the surviving ones."""
    op.drop_index("ix_identity_check_today", "identity_check")
    op.drop_index(op.f("ix_applicant_merged_into_id"), "applicant")
    with op.batch_alter_table("applicant") as applicant:
        applicant.drop_constraint("fk_applicant_merged_into_id", type_="foreignkey")
        applicant.drop_column("merged_into_id")
    for table in ("told_apart", "applicant_merge_row", "applicant_merge"):
        op.drop_table(table)
