#!/bin/sh
# SPDX-License-Identifier: MIT
# One question to the agent from a shell: sends a request, prints the answer.
#   socat.sh [PORT] [REQUEST]
printf '%s' "${2:-{\"id\":1,\"method\":\"local.query_status\"\}}" | socat -t "${SOCAT_WAIT:-2}" - "TCP:127.0.0.1:${1:-54320}"
