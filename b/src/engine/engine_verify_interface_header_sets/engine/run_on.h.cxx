#include <engine/run_on.h> // IWYU pragma: associated
