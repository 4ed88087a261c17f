"""The words of people's names, by which a beginning of any of them is found."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BATCH = 5000
LONGEST_WORD = 40


def upgrade() -> None:
    """Go forward; the words of everybody registered so far are written too."""
    words = op.create_table(
        "applicant_word",
        sa.Column("site_id", sa.String(length=36), nullable=False),
        sa.Column("word", sa.String(length=LONGEST_WORD), nullable=False),
        sa.Column("applicant_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["applicant.id"], name=op.f("fk_applicant_word_applicant_id_applicant")
        ),
        sa.PrimaryKeyConstraint("site_id", "word", "applicant_id", name=op.f("pk_applicant_word")),
        sqlite_with_rowid=False,
    )
    write_words(op.get_bind(), words)


def write_words(connection: sa.Connection, words: sa.Table) -> None:
    """The words of everybody registered so far, a batch of people after the other."""
    people = sa.table("applicant", sa.column("id"), sa.column("site_id"), sa.column("search_name"))
    last = ""
    while True:
        some = connection.execute(
            sa.select(people).where(people.c.id > last).order_by(people.c.id).limit(BATCH)
        ).all()
        if not some:
            return
        rows = [{"site_id": person.site_id, "word": word, "applicant_id": person.id}
                for person in some for word in {word[:LONGEST_WORD] for word in person.search_name.split()}]
        if rows:
            connection.execute(words.insert(), rows)
        last = some[-1].id


def downgrade() -> None:
    """Go back."""
    op.drop_table("applicant_word")
