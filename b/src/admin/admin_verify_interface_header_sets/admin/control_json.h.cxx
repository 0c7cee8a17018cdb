#include <admin/control_json.h> // IWYU pragma: associated
