#include "libagent/conn/wait.h"
