#include "libagent/core/text/message.h"
