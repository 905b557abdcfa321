#include "libagent/core/json/plain_run.h"
