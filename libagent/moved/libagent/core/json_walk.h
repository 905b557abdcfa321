#include "libagent/core/json/json_walk.h"
