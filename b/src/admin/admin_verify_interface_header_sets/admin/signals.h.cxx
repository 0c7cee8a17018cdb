#include <admin/signals.h> // IWYU pragma: associated
