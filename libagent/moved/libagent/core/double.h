#include "libagent/core/text/double.h"
