#!/bin/sh
# Print the folder for what tests write: memory where it has four gigabytes to spare, else the usual one.
usual=${TMPDIR:-/tmp}
[ -w /dev/shm ] && [ -r /proc/meminfo ] || { echo "$usual"; exit 0; }
room=$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')
free=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
if [ "$room" -gt 4194304 ] && [ "$free" -gt 8388608 ]; then echo /dev/shm; else echo "$usual"; fi
