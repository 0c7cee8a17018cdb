#include <device/inline_budget.h> // IWYU pragma: associated
