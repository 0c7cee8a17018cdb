#include <admin/control_client.h> // IWYU pragma: associated
