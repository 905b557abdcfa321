#include "libagent/core/json/json.h"
