#include <cli/table.h> // IWYU pragma: associated
