#include "libagent/core/log/log.h"
