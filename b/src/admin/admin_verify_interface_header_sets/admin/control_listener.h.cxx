#include <admin/control_listener.h> // IWYU pragma: associated
