#include "libagent/core/json/json_iter.h"
