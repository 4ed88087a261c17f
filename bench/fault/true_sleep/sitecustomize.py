"""For processes under libfaketime, which refuses how `time.sleep` waits (clock_nanosleep until a moment)."""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep
