#include "libagent/core/frame/framer.h"
