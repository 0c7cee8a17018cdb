#include <engine/execution.h> // IWYU pragma: associated
