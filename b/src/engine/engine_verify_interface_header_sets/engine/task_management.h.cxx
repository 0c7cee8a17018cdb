#include <engine/task_management.h> // IWYU pragma: associated
