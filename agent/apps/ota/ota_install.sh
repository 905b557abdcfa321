#!/bin/sh
# SPDX-License-Identifier: MIT
# Sample of an install hook of miio_ota, for BusyBox sh and any other POSIX shell: copy it to /etc/miio and fill in what
# the platform needs. It is called as
#
#   ota_install.sh FILE MD5 silent|normal
#
# when FILE has the right sum. Exit status 0: installed. Anything else: "failed|-33005|install error" is reported and the
# running firmware stays. silent: no sound and no motion, the user may be asleep.
file=$1 mode=$3

# Two partitions, as "a" and "b": the one that does not run is written, then made the one to boot.
# target=/dev/mmcblk0p3
# cat "$file" >"$target" && sync && fw_setenv boot_partition b && exit 0

echo "ota_install.sh: adapt me; $file ($mode) was not installed" >&2
exit 1
