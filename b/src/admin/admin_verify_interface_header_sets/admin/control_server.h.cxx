#include <admin/control_server.h> // IWYU pragma: associated
