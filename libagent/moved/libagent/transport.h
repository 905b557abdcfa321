#include "libagent/conn/transport.h"
