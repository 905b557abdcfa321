#include "libagent/conn/lines.h"
