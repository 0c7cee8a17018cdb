#include <base/task.h> // IWYU pragma: associated
