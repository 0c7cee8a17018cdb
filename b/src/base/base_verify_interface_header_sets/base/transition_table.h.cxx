#include <base/transition_table.h> // IWYU pragma: associated
