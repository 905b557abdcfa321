#include "libagent/core/log/local_time.h"
