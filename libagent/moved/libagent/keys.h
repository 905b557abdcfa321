#include "libagent/conn/keys.h"
