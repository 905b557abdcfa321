#include "libagent/text/encode.h"
