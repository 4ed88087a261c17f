"""The one background process: dispatches the outbox, sweeps what was interrupted, shows that it is alive.

Several may run. Sending is claimed delivery by delivery; clock work is done by whoever holds the lease.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import wraps
from threading import Event, Lock
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from clinic import clock
from clinic.config import get_settings
from clinic.db import write_unit
from clinic.queries.heartbeat import WORKER
from clinic.restoration import ensure_no_restore
from clinic.seal.sealing import seal_waiting
from clinic.services.recall import sweep_tasks
from integrations.clock_watch import ClockWatch
from integrations.dispatcher import Dispatcher
from integrations.fault import describe_fault
from integrations.housekeeping import tidy_up
from integrations.inbound.folder import take_files
from integrations.inbound.processing import process_waiting
from integrations.interval import SkippingInterval
from integrations.lease import acquire_lease, beat_heart, release_lease
from integrations.order_sender import OrderSender

log = logging.getLogger(__name__)

CLOCK_WORK = "clock-work"
AUDIT_SEALS = "audit-seals"
FOLDERS = "incoming-folders"
CLOCK_LEASE = timedelta(seconds=30)
FOLDER_LEASE = timedelta(minutes=2)
DISPATCH_SECONDS = 1
PROCESS_SECONDS = 1
FOLDER_SECONDS = 5
BEAT_SECONDS = 10
SWEEP_SECONDS = 15
SEAL_SECONDS = 60
SEAL_LEASE = timedelta(minutes=5)  # a turn's batches take seconds; should one last longer, the tables' keys decide
SEAL_AFTER = timedelta(minutes=5)  # a seal is made of a full batch, or of what has waited this long
THOROUGH_AFTER = timedelta(days=1)  # so often rows that belong far back are looked for, too
WATCH_SECONDS = 1.0
RECALL_SECONDS = 60
TIDY_SECONDS = 600
DESTINATIONS_AT_ONCE = 8  # one slow authority keeps one of these, and nobody else waiting


class Worker:
    """The jobs of the background process; each opens an application context and units of its own."""

    def __init__(self, app: Flask, dispatcher: Dispatcher | None = None) -> None:
        self.app = app
        self.dispatcher = dispatcher or Dispatcher()
        self.order_sender = OrderSender(worker=self.dispatcher.worker, patience=self.dispatcher.patience)
        self.stop = self.dispatcher.stopping
        self._busy: set[str] = set()
        self._thorough_at: datetime | None = None
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(DESTINATIONS_AT_ONCE, thread_name_prefix="deliver")

    def run(self) -> None:
        """Work until `stop` is set; then finish what is on its way."""
        scheduler = self._schedule()
        self.beat()
        scheduler.start()
        log.info("worker %s started", self.dispatcher.worker)
        watch = ClockWatch()
        while not self.stop.wait(WATCH_SECONDS):
            if leap := watch.find_leap():
                log.warning("the clock was set by %+.0f s: every job begins its interval anew", leap)
                self._begin_anew(scheduler)
        scheduler.shutdown(wait=True)
        self._pool.shutdown(wait=True)
        self._say_goodbye()
        log.info("worker %s stopped", self.dispatcher.worker)

    def dispatch(self) -> None:
        """Give every authority with something due a thread, unless it has one."""
        with self.app.app_context():
            due = self.dispatcher.list_due()
        for authority_id in due:
            with self._lock:
                if authority_id in self._busy or self.stop.is_set():
                    continue
                self._busy.add(authority_id)
            self._pool.submit(self._drain, authority_id)

    def process(self) -> None:
        """Work on the messages that came in."""
        with self.app.app_context():
            process_waiting()

    def take_files(self) -> None:
        """Take what laboratories put into their folders; only who holds the lease of the folders does."""
        with self.app.app_context():
            with write_unit() as session:
                leads = acquire_lease(session, FOLDERS, self.dispatcher.worker, clock.now(), FOLDER_LEASE)
            if leads:
                take_files(get_settings(self.app))

    def send_orders(self) -> None:
        """Send laboratories the orders that wait."""
        with self.app.app_context():
            self.order_sender.send_due()

    def beat(self) -> None:
        """Show that the process is alive; take or renew the lead of clock work."""
        now = clock.now()
        with self.app.app_context(), write_unit() as session:
            beat_heart(session, WORKER, now)
            acquire_lease(session, CLOCK_WORK, self.dispatcher.worker, now, CLOCK_LEASE)

    def sweep(self) -> None:
        """Take back what was interrupted; only the leader does."""
        with self.app.app_context():
            if self._leads() and (count := self.dispatcher.sweep()):
                log.warning("%d interrupted deliveries will be asked about", count)

    def seal(self) -> None:
        """Close what the audit wrote in signed batches; only who holds the lease of the seals does."""
        now = clock.now()
        with self.app.app_context():
            with write_unit() as session:
                leads = acquire_lease(session, AUDIT_SEALS, self.dispatcher.worker, now, SEAL_LEASE)
            if not leads:
                return
            is_thorough = self._thorough_at is None or not timedelta() <= now - self._thorough_at < THOROUGH_AFTER
            count = seal_waiting(get_settings(self.app), SEAL_AFTER, is_thorough)
            if is_thorough:
                self._thorough_at = now
            log.debug("%d rows of the audit sealed", count)

    def recall(self) -> None:
        """Open the tasks that came due, let the late ones go up; only the leader does, and two would do no harm."""
        with self.app.app_context():
            if self._leads():
                done = sweep_tasks(self.stop.is_set)
                if done.opened or done.settled or done.climbed:
                    log.info("tasks: %d opened, %d settled, %d gone up", done.opened, done.settled, done.climbed)

    def tidy(self) -> None:
        """Forget what is of no use any more; only the leader does."""
        with self.app.app_context():
            if self._leads():
                log.info("tidied up: %s", tidy_up())

    def _leads(self) -> bool:
        with write_unit() as session:
            return acquire_lease(session, CLOCK_WORK, self.dispatcher.worker, clock.now(), CLOCK_LEASE)

    def _drain(self, authority_id: str) -> None:
        try:
            with self.app.app_context():
                self.dispatcher.drain(authority_id)
        except Exception as error:
            log.error("delivering to %s failed: %s", authority_id, describe_fault(error))
        finally:
            with self._lock:
                self._busy.discard(authority_id)

    def _begin_anew(self, scheduler: BackgroundScheduler) -> None:
        """The scheduler waits for moments of the old time, an hour away once the clock went back by one."""
        for job in scheduler.get_jobs():
            job.reschedule(SkippingInterval(seconds=job.trigger.interval.total_seconds(), timezone=UTC))

    def _schedule(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": 60}
        )
        for job, seconds in (
            (self.dispatch, DISPATCH_SECONDS),
            (self.process, PROCESS_SECONDS),
            (self.send_orders, DISPATCH_SECONDS),
            (self.take_files, FOLDER_SECONDS),
            (self.beat, BEAT_SECONDS),
            (self.sweep, SWEEP_SECONDS),
            (self.seal, SEAL_SECONDS),
            (self.recall, RECALL_SECONDS),
            (self.tidy, TIDY_SECONDS),
        ):
            scheduler.add_job(_guarded(job), SkippingInterval(seconds=seconds, timezone=UTC), id=job.__name__)
        return scheduler

    def _say_goodbye(self) -> None:
        with self.app.app_context(), write_unit() as session:
            for name in (CLOCK_WORK, AUDIT_SEALS, FOLDERS):
                release_lease(session, name, self.dispatcher.worker, clock.now())


def run_worker(app: Flask) -> None:
    """Work until SIGTERM or Ctrl-C."""
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    ensure_no_restore(get_settings(app))
    worker = Worker(app)
    stop_on_signal(worker.stop)
    worker.run()


def stop_on_signal(stop: Event) -> None:
    """Set `stop` when somebody asks the process to end."""

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)


def _guarded(job: Callable[[], None]) -> Callable[[], None]:
    """A job whose fault is logged without values and does not keep it from running next time."""

    @wraps(job)
    def run() -> None:
        try:
            job()
        except Exception as error:
            log.error("%s failed: %s", job.__name__, describe_fault(error))

    return run
