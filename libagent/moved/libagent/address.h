#include "libagent/conn/address.h"
