#include "libagent/core/frame/json_pass.h"
