"""Makes an installation ready to start: the database at its present version, the demo clinic on first start."""

from __future__ import annotations

import logging

from sqlalchemy import select

from clinic import migration
from clinic.config import load_settings
from clinic.db import read_unit
from clinic.documents.printer import check_printer
from clinic.models import Site
from clinic.restoration import ensure_no_restore

log = logging.getLogger("prepare")

DEMO_APPLICANTS = 60  # enough to fill every list, little enough to start soon
DEMO_SEED = 1


def main() -> None:
    """See that documents can be printed, migrate, and seed the demo clinic if it is a demo without a site yet."""
    from wsgi import create_app  # the composition root: imported by processes, never by a module of ours

    check_printer()
    settings = load_settings()
    ensure_no_restore(settings)
    app = create_app(settings)
    with app.app_context():
        migration.upgrade()
        with read_unit() as session:
            empty = session.execute(select(Site.id).limit(1)).first() is None
        if settings.demo and empty:
            from clinic.demo.seed import seed_in_batches

            log.info("first start: making the demo clinic")
            seed_in_batches(DEMO_APPLICANTS, DEMO_SEED)


if __name__ == "__main__":
    main()
