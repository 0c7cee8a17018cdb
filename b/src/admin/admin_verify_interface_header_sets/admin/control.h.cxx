#include <admin/control.h> // IWYU pragma: associated
