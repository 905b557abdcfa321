#include "libagent/core/log/log_ring.h"
