#include <cli/run.h> // IWYU pragma: associated
