"""The child process that opens one picture: bytes on its input, the portrait on its output, within its own limits.

Exit 0: made; REFUSED: with the fault's code on the output; anything else: it broke or was stopped.
"""

from __future__ import annotations

import sys

from clinic.limited_child import REFUSED, Limits, take_limits

LIMITS = Limits(cpu_seconds=15, memory_bytes=1024**3, file_bytes=0)  # 64 megapixels take 0.3 GB


def run() -> int:
    """Make one portrait; returns the exit status."""
    from clinic.picture import Fault, PictureFault, prepare_portrait  # only after the limits

    try:
        output = prepare_portrait(sys.stdin.buffer.read())
    except PictureFault as refused:
        fault = refused.fault
    except MemoryError:
        fault = Fault.TOO_MANY_PIXELS
    else:
        sys.stdout.buffer.write(output)
        return 0
    sys.stdout.buffer.write(fault.value.encode())
    return REFUSED


if __name__ == "__main__":
    take_limits(LIMITS)
    sys.exit(run())
