#include "libagent/core/json/digit_run.h"
